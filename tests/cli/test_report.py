import logging
from types import SimpleNamespace

from geoseg.cli.report import made_line, reporting, set_up_log


def test_a_log_line_begins_on_a_line_of_its_own(capsys):
    set_up_log(logging.INFO)
    with reporting("bar") as events:
        events({"event": "progress", "stage": "predict", "done": 1, "total": 2})
        logging.getLogger("geoseg").info("half of it")
        events({"event": "progress", "stage": "predict", "done": 2, "total": 2})
    shown = capsys.readouterr().err.replace("\r", "").splitlines()
    assert shown[0].startswith("predict        [####") and shown[0].rstrip().endswith("s left")
    assert shown[1] == "half of it"
    assert shown[2].startswith("predict        [######")


def test_one_parcel_is_no_parcels():
    made = SimpleNamespace(path="out.gpkg", report={"seconds": 1.25})
    assert made_line(1, "parcels", made) == "1 parcel in 1.2 s -> out.gpkg"
    assert made_line(0, "parcels", made) == "0 parcels in 1.2 s -> out.gpkg"
