"""The plugin's plain Python: no QGIS needed."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "plugin"))
from geoseg_qgis import command, engine, events  # noqa: E402


class Feedback:
    """Keeps all that is said."""

    def __init__(self):
        self.said, self.progress, self.stages, self.warnings = [], [], [], []
        self.setProgress = self.progress.append
        self.setProgressText = self.stages.append
        self.pushInfo = self.pushConsoleInfo = self.said.append
        self.pushWarning = self.warnings.append


def find(**named):
    places = {"setting": "", "variable": "", "profile": "/nowhere", "on_path": ""}
    return engine.find_engine(**places | named)


def lines_of(*chunks):
    lines = events.Lines()
    return [one for chunk in chunks for one in lines.take(chunk)] + lines.take(b"", last=True)


def progress(stage, done, total):
    return json.dumps({"event": "progress", "stage": stage, "done": done, "total": total})


def test_lines_are_whole_at_any_chunk_border():
    assert lines_of(b"a\nb", b"c\r\n\n", b"\xc3", b"\xa4") == ["a", "bc", "ä"]


def test_bytes_that_are_no_text_do_no_harm():
    assert lines_of(b"\xff\xfe\n") == ["\ufffd\ufffd"]


def test_the_rest_of_an_endless_line_is_dropped():
    chunk = b"x" * (events.LONGEST_LINE // 2 + 1)
    lines = lines_of(chunk, chunk, chunk, b"tail\nnext\n")
    assert [len(one) for one in lines] == [events.LONGEST_LINE, 4] and lines[1] == "next"


@pytest.mark.parametrize("line", ["plain", "{broken", '{"event": 5}', "[1]", "{}", "null", "1"])
def test_a_line_that_is_no_event_is_noise(line):
    assert events.parse(line) == {"event": "noise", "message": line}


def test_the_stages_share_the_bar_by_their_time():
    feedback = Feedback()
    talk = events.Conversation(feedback, ("predict", "find parcels", "draw parcels"))
    talk.take([progress("predict", 1, 2), progress("find parcels", 0, 9),
               progress("draw parcels", 9, 9)])
    assert feedback.progress == [40.0, 80.0, 100.0]


def test_the_time_left_is_said_once_it_can_be_known():
    assert [events.time_left(1.0, 0.5), events.time_left(60.0, 0.0)] == ["", ""]
    assert events.time_left(60.0, 0.5) == ", 60 s left"
    assert events.time_left(600.0, 0.5) == ", 10 min left"


def test_the_log_gets_a_stage_once_and_then_the_time_left_now_and_then():
    now = [0.0]
    feedback = Feedback()
    talk = events.Conversation(feedback, ("predict",), clock=lambda: now[0])
    for second in range(40):
        now[0] = float(second)
        talk.take([progress("predict", second, 60)])
    assert feedback.stages == ["predict", "predict: 25%, 45 s left", "predict: 50%, 30 s left"]


def test_broken_progress_events_do_no_harm():
    feedback = Feedback()
    talk = events.Conversation(feedback, ("predict",))
    talk.take(['{"event": "progress"}', progress("predict", "x", 1), progress("predict", 0, 0),
               '{"event": "plan"}', '{"event": "from the future"}'])
    assert feedback.progress == [100.0]


def test_log_lines_are_shown_together_and_not_too_many():
    now = [0.0]
    feedback = Feedback()
    talk = events.Conversation(feedback, (), clock=lambda: now[0])
    talk.take(["early"])
    assert feedback.said == []
    now[0] = 1.0
    talk.take([f"line {n}" for n in range(100)])
    talk.take([], last=True)
    (text,) = feedback.said
    assert text.startswith("early\nline 0\n") and text.endswith("\n(and 81 more lines)")


def test_what_the_engine_ended_with_is_kept():
    talk = events.Conversation(Feedback(), ())
    talk.take(['{"event": "result", "parcels": 3}', '{"event": "error", "message": "no"}', "last"])
    assert (talk.result["parcels"], talk.error, list(talk.tail)) == (3, "no", ["last"])


def test_the_setting_comes_before_the_variable_before_the_profile_before_the_path(tmp_path):
    (tmp_path / "geoseg").mkdir()
    (tmp_path / "geoseg" / "engine.json").write_text(json.dumps({"python": sys.executable}))
    everywhere = {"variable": sys.executable, "profile": str(tmp_path), "on_path": "/bin/geoseg"}
    assert "setting" in find(setting=sys.executable, **everywhere).found_by
    assert "GEOSEG_PYTHON" in find(**everywhere).found_by
    assert "engine.json" in find(**everywhere | {"variable": ""}).found_by
    assert find(on_path="/bin/geoseg").command == ("/bin/geoseg",)


def test_a_setting_that_names_no_file_is_an_error_not_passed_over():
    with pytest.raises(engine.MissingEngine, match="setting .* names /nowhere/python"):
        find(setting="/nowhere/python", on_path="/bin/geoseg")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"other": 1}', "null"])
def test_a_broken_engine_file_names_nothing(tmp_path, text):
    (tmp_path / "geoseg").mkdir()
    (tmp_path / "geoseg" / "engine.json").write_text(text)
    with pytest.raises(engine.MissingEngine, match="qgis install"):
        find(profile=str(tmp_path))


@pytest.mark.parametrize(
    ("code", "output", "errors", "text"),
    [
        (1, "", "python: No module named geoseg", "-m pip install ./geoseg"),
        (2, "", "No such command 'qgis'", "an older version"),
        (0, "{", "", "an older version"),
        (0, '{"version": "0.2.0", "fits": true}', "", "geoseg 0.2.0"),
        (0, '{"version": "0.0.9", "fits": true}', "", "geoseg 0.0.9"),
        (0, '{"version": "0.1.9", "fits": false, "advice": "type"}', "", "^type$"),
    ],
)
def test_an_engine_that_does_not_fit_is_refused(code, output, errors, text):
    with pytest.raises(engine.MissingEngine, match=text):
        engine.check_answer(engine.Engine(("python",), "me"), code, output, errors)


def test_an_engine_that_fits_gives_its_version():
    answer = '{"version": "0.1.9", "fits": true, "models": ["a"]}'
    read = engine.check_answer(engine.Engine(("python",), "me"), 0, "noise\n" + answer, "")
    assert read["models"] == ["a"]


def test_variables_of_qgis_are_cleaned_and_others_kept():
    kept = engine.clean_environment({
        "PATH": "/bin", "PYTHONHOME": "/x", "PROJ_LIB": "/x", "LD_LIBRARY_PATH": "/x",
        "CUDA_VISIBLE_DEVICES": "0", "https_proxy": "p", "QGIS_PREFIX_PATH": "/x",
    })
    assert {name for name in kept if not name.startswith("PYTHON")} == {
        "PATH", "CUDA_VISIBLE_DEVICES", "https_proxy"
    }
    assert "PYTHONHOME" not in kept


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1"), (250.0, "250"), (1e-7, "0.0000001"), (0.0, "0"), (-0.0, "0"),
     (1e9, "1000000000"), ([1, 2], "1,2"), (500000.25, "500000.25"), (7, "7")],
)
def test_numbers_are_written_as_the_command_line_reads_them(value, text):
    assert command.text_of(value) == text


def test_the_text_to_copy_is_quoted_and_has_no_temporary_paths():
    words = ["vectorize", "/a b/it's.tif", "/scratch/parcels.gpkg", "--progress", "json"]
    text = command.text_to_copy(words, {"/scratch/parcels.gpkg": "parcels.gpkg"})
    assert text == "geoseg vectorize '/a b/it'\"'\"'s.tif' parcels.gpkg"
