"""The real engine behind the real qgis_process: what the guide tells people to type."""

import json
import shutil
import subprocess
import sys

import geopandas
import pytest
import shapely

pytestmark = pytest.mark.qgis


def qgis(program, environment, *words):
    """Run an algorithm by qgis_process with geoseg itself; give its results."""
    run = subprocess.run(
        [program, "--json", "run", *words], env=environment | {"GEOSEG_PYTHON": sys.executable},
        capture_output=True, text=True, timeout=300, check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout)["results"]


@pytest.fixture(scope="module")
def made(qgis_process, environment, sample_data, work):
    scene = work / "sample.tif"
    shutil.copyfile(sample_data / "scene.tif", scene)
    out, mask = work / "real.gpkg", work / "real mask.tif"
    results = qgis(
        qgis_process, environment, "geoseg:segmentparcels", "--", f"INPUT={scene}",
        f"PARCELS={out}", f"MASK={mask}", "DEVICE=cpu",
    )
    return {"results": results, "out": out, "mask": mask}


def test_one_command_makes_parcels_of_the_sample_scene(made):
    parcels = geopandas.read_file(made["out"])
    assert len(parcels) == made["results"]["COUNT"] > 10
    assert parcels.crs == "EPSG:32633"
    assert shapely.coverage_is_valid(parcels.geometry.values)
    # 1 %: areas in the layer are on the ground, those of the geometry on the map
    assert parcels["area_m2"].sum() == pytest.approx(parcels.area.sum(), rel=0.01)


def test_parcels_of_the_mask_are_the_same(made, qgis_process, environment, work):
    out = work / "again.gpkg"
    results = qgis(qgis_process, environment, "geoseg:polygonizemask", "--",
                   f"INPUT={made['mask']}", f"PARCELS={out}")
    first, again = (geopandas.read_file(path) for path in (made["out"], out))
    assert results["COUNT"] == len(first)
    assert list(first.geometry.to_wkb()) == list(again.geometry.to_wkb())


def test_the_doctor_and_the_model_answer(qgis_process, environment):
    checks = json.loads(qgis(qgis_process, environment, "geoseg:doctor")["CHECKS"])
    assert {"python", "torch", "disk"} <= {check["name"] for check in checks}
    info = json.loads(qgis(qgis_process, environment, "geoseg:modelinfo")["INFO"])
    assert info["name"] == "parcels-aerial"


def test_evaluation_of_parcels_against_themselves_is_perfect(made, qgis_process, environment):
    results = qgis(qgis_process, environment, "geoseg:evaluateparcels", "--",
                   f"PARCELS={made['out']}", f"TRUTH={made['out']}")
    assert results["F1"] == pytest.approx(1.0) and results["IOU"] == pytest.approx(1.0)
