"""What the plugin makes, in every place that a user of QGIS may choose."""

import subprocess

import pytest

pytestmark = pytest.mark.qgis


def test_parcels_come_as_a_layer_in_the_crs_of_the_scene(inside, scene, log):
    made = inside.run("segmentparcels", parameters={"INPUT": scene, "PARCELS": "memory:"})
    assert made["ok"], made
    assert made["results"]["COUNT"] == 3 and made["results"]["AREA_M2"] == 3000.0
    assert made["parcels"]["crs"] == "EPSG:25832"
    assert [row[0] for row in made["parcels"]["rows"]] == [1, 2, 3]
    assert made["parcels"]["fields"] == [
        "parcel_id", "class", "area_m2", "perimeter_m", "confidence", "boundary", "edge"
    ]


def test_borders_come_as_lines_with_their_likelihood_if_they_are_wanted(inside, scene, log):
    plain = inside.run("segmentparcels", parameters={"INPUT": scene, "PARCELS": "memory:"})
    assert "lines" not in plain and log.values()["lines"] is None
    for algorithm in ("segmentparcels", "polygonizemask"):
        made = inside.run(
            algorithm, parameters={"INPUT": scene, "PARCELS": "memory:", "LINES": "memory:"}
        )
        assert made["ok"], made
        assert log.values()["lines"].endswith("lines.gpkg")
        assert made["lines"]["crs"] == "EPSG:25832"
        assert made["lines"]["fields"] == [
            "line_id", "left", "right", "length_m", "boundary", "edge"
        ]
        assert [row[4] for row in made["lines"]["rows"]] == [0.9, 0.4]
        assert made["lines"]["wkt"][1] == "LineString (500020 5299900, 500020 5299950)"


def test_parcels_and_borders_share_a_geopackage(inside, scene, log, work):
    path = work / "both.gpkg"
    for _ in range(2):
        parameters = {"INPUT": scene, "PARCELS": path, "LINES": path}
        made = inside.run("segmentparcels", parameters=parameters)
        assert made["ok"], made
    assert inside.ask("layers", path=path) == {
        "both": 3, "lines": 2, "parcels": 3, "lines_2": 2
    }


def test_borders_that_cannot_be_stored_leave_no_parcels(inside, scene, log, work):
    parameters = {"INPUT": scene, "PARCELS": work / "alone.gpkg", "LINES": "/nowhere/lines.gpkg"}
    made = inside.run("segmentparcels", parameters=parameters)
    assert not made["ok"] and "/nowhere/lines.gpkg" in made["error"]
    assert not (work / "alone.gpkg").exists() and not made["waiting"]


def test_a_file_a_layer_of_it_and_a_shapefile_work_as_output(inside, scene, log, work):
    wanted = [
        work / "one.gpkg", f"ogr:dbname='{work / 'two.gpkg'}' table=\"fields\" (geom)",
        work / "three.shp", work / "four.geojson", "TEMPORARY_OUTPUT",
    ]
    for out in wanted:
        made = inside.run("segmentparcels", parameters={"INPUT": scene, "PARCELS": out})
        assert made["ok"] and len(made["parcels"]["rows"]) == 3, (out, made)
    assert inside.ask("layers", path=work / "two.gpkg") == {"fields": 3}


def test_the_layers_of_an_existing_geopackage_are_kept(inside, scene, parcels, log, work):
    import geopandas

    path = work / "O'Brien's cadastre.gpkg"
    geopandas.read_file(parcels).to_file(path, layer="precious", driver="GPKG")
    for _ in range(2):
        made = inside.run("segmentparcels", parameters={"INPUT": scene, "PARCELS": path})
        assert made["ok"], made
    assert inside.ask("layers", path=path) == {"precious": 3, "parcels": 3, "parcels_2": 3}
    assert "its layers are kept" in made["warnings"][0]


def test_a_chosen_layer_is_replaced_and_the_others_are_kept(
    inside, scene, parcels, log, work
):
    import geopandas

    path = work / "chosen.gpkg"
    for layer in ("precious", "old"):
        geopandas.read_file(parcels)[:1].to_file(path, layer=layer, driver="GPKG")
    out = f"ogr:dbname='{path}' table=\"old\" (geom)"
    made = inside.run("segmentparcels", parameters={"INPUT": scene, "PARCELS": out})
    assert made["ok"], made
    assert inside.ask("layers", path=path) == {"precious": 1, "old": 3}


def test_relative_paths_are_those_of_the_user(qgis_process, environment, scene, log, work):
    run = subprocess.run(
        [qgis_process, "run", "geoseg:segmentparcels", "--", f"INPUT={scene.name}",
         "PARCELS=relative.gpkg", "MASK=relative.tif"],
        cwd=work, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )
    assert run.returncode == 0, run.stderr
    assert (work / "relative.gpkg").exists() and (work / "relative.tif").exists()
    assert log.values()["mask"] == str(work / "relative.tif")


def test_a_model_takes_parcels_as_an_inner_step(inside, scene, log):
    made = inside.ask("model", scene=scene, environment={"FAKE_MODE": "good"})
    assert made == {"ok": True, "points": 3, "crs": "EPSG:25832"}


def test_the_layers_are_named_and_styled(inside, scene, log, work):
    made = inside.run("segmentparcels", load=True, parameters={
        "INPUT": scene, "PARCELS": "memory:", "LINES": "memory:", "MASK": work / "styled.tif",
    })
    parcels, borders, mask = (
        next(one for one in made["layers"] if one["name"].startswith(name))
        for name in (f"Parcels of {scene.stem}", f"Borders of {scene.stem}", "Parcel and boundary")
    )
    assert "Area (m²)" in parcels["aliases"] and "Length (m)" in borders["aliases"]
    assert not parcels["labels"] and "parcels" in parcels["abstract"]
    assert parcels["renderer"] == borders["renderer"] == "RuleRenderer"
    assert mask["renderer"] == "multibandcolor"
