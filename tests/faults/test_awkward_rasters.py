"""Every awkward raster gives parcels in its own place and CRS, or one clear line."""

import csv
import os
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
from pyproj import CRS

from geoseg.cli.main import main

FOLDER = (
    Path(os.environ.get("GEOSEG_DATA", Path(__file__).parents[3] / "shared" / "data")) / "rasters"
)
MANIFEST = FOLDER / "MANIFEST.csv"
if not MANIFEST.exists():
    pytest.skip("no folder of real imagery: set GEOSEG_DATA", allow_module_level=True)
with MANIFEST.open(newline="", encoding="utf-8") as lines:
    ROWS = {row["file"]: row["expect"] for row in csv.DictReader(lines)}

UNREADABLE = {"third_party/gdal/mandrilmini_12bitjpeg.tif", "third_party/gdal/byte_gcp.tif"}
"""Rows without a CRS that say so by refusing: a codec that is absent, control points only."""


def run(scene: Path, out: Path, capsys) -> tuple[int, str]:
    with pytest.raises(SystemExit) as stop:
        main(["vectorize", str(scene), str(out)])
    return stop.value.code, capsys.readouterr().err


def same_crs(one: str, other: rasterio.CRS) -> bool:
    code, first = other.to_epsg(), CRS(one)
    if code is not None and first.to_epsg() == code:
        return True
    return first.equals(CRS(other.to_wkt()), ignore_axis_order=True)


def files_with(expect: str) -> list[str]:
    return [name for name, row in ROWS.items() if row == expect and name not in UNREADABLE]


@pytest.mark.parametrize(
    "name", [name for kind in ("ok", "ok-tiny", "rotated", "no-crs") for name in files_with(kind)]
)
def test_a_good_raster_gives_parcels_in_its_crs_and_place(name, tmp_path, capsys):
    code, said = run(FOLDER / name, tmp_path / "out.gpkg", capsys)
    assert code == 0, said
    info = pyogrio.read_info(tmp_path / "out.gpkg", layer="parcels")
    with rasterio.open(FOLDER / name) as scene:
        expected, transform, shape = scene.crs, scene.transform, scene.shape
    if expected is None:
        assert info["crs"] is None or "Undefined" in info["crs"], info["crs"]
        assert "no CRS" in said
    else:
        assert same_crs(info["crs"], expected), info["crs"]
    if info["features"]:
        bounds = np.array(pyogrio.read_bounds(tmp_path / "out.gpkg", layer="parcels")[1])
        corners = [transform @ (c, r) for c in (0, shape[1]) for r in (0, shape[0])]
        xs, ys = zip(*corners, strict=True)
        slack = 1e-9 * max(map(abs, [*xs, *ys]))
        assert bounds[0].min() >= min(xs) - slack and bounds[2].max() <= max(xs) + slack
        assert bounds[1].min() >= min(ys) - slack and bounds[3].max() <= max(ys) + slack


@pytest.mark.parametrize("name", files_with("ok-empty"))
def test_a_raster_without_data_gives_an_empty_layer(name, tmp_path, capsys):
    code, said = run(FOLDER / name, tmp_path / "out.gpkg", capsys)
    assert code == 0
    assert "no parcels were found" in said
    assert pyogrio.read_info(tmp_path / "out.gpkg", layer="parcels")["features"] == 0


@pytest.mark.parametrize(
    "name", [*files_with("clean-error"), *files_with("clean-error-or-warp"), *sorted(UNREADABLE)]
)
def test_a_bad_raster_gives_one_line_and_no_file(name, tmp_path, capsys):
    code, said = run(FOLDER / name, tmp_path / "out.gpkg", capsys)
    assert code in (2, 4)
    errors = [line for line in said.splitlines() if line.startswith("geoseg: ")]
    assert len(errors) == 1
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []
