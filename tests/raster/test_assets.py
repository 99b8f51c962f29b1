"""STAC items as scenes: which asset is taken, and where an item may point."""

import json

import numpy as np
import pytest

from geoseg.errors import RasterError
from geoseg.raster import Scene, located, named

TIFF = "image/tiff; application=geotiff; profile=cloud-optimized"
BANDS = {name: {"href": f"{name}.tif", "type": TIFF, "roles": ["data", "reflectance"]}
         for name in ("red", "green", "nir")}
LOOKS = {
    "thumbnail": {"href": "t.jpg", "type": "image/jpeg", "roles": ["thumbnail"]},
    "info": {"href": "info.xml", "type": "application/xml", "roles": ["metadata"]},
}


@pytest.fixture
def item(tmp_path):
    """Give a function that writes an item of these assets and returns its path."""

    def write_item(assets, name="item.json"):
        path = tmp_path / name
        path.write_text(json.dumps({"type": "Feature", "id": "x", "assets": assets}))
        return str(path)

    return write_item


@pytest.mark.parametrize(
    ("assets", "wanted"),
    [
        ({"image": {"href": "./sub/a.tif", "type": TIFF}, **LOOKS}, "sub/a.tif"),
        ({"b": {"href": "b.tif"}, "a.json": {"href": "a.json"}}, "b.tif"),
        ({**BANDS, "rgb": {"href": "v.tif", "type": TIFF, "roles": ["visual"]}}, "v.tif"),
        ({**BANDS, "visual": {"href": "v.jp2", "type": "image/jp2"}, **LOOKS}, "v.jp2"),
        ({"mask": {"href": "m.tif", "roles": ["data"]}, "other": {"href": "o.tif"}}, "m.tif"),
    ],
    ids=["only", "by suffix", "role visual", "name visual", "role data"],
)
def test_the_asset_that_is_the_scene_is_found(item, tmp_path, assets, wanted):
    assert located(item(assets)) == str(tmp_path / wanted)


def test_an_asset_is_taken_by_its_name_and_unclear_ones_are_listed(item, tmp_path):
    path = item(BANDS | LOOKS)
    assert located(f"{path}|asset=nir") == str(tmp_path / "nir.tif")
    assert located(f"{path}|asset=thumbnail") == str(tmp_path / "t.jpg")
    with pytest.raises(RasterError, match=r"3 assets .*red \(data, reflectance\), .*asset=NAME"):
        located(path)
    with pytest.raises(RasterError, match="no asset 'blue'; there are: red .*, info"):
        located(f"{path}|asset=blue")
    with pytest.raises(RasterError, match="no asset with pixels; there are: thumbnail"):
        located(item(LOOKS))
    with pytest.raises(RasterError, match="there are: a b$"):
        located(item({"a\nb": {"href": "a.xml"}}))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not a STAC item"), ("[" * 100_000, "not a STAC item"), ("[1]", "'JSON' without"),
        ('{"type": "Catalog"}', "'Catalog' without assets"), ("\xff", "not a STAC item"),
        ('{"assets": {"a": {"type": "image/tiff", "href": 7}}}', "no href"),
    ],
)
def test_what_is_no_item_is_refused_in_one_line(tmp_path, text, says):
    (tmp_path / "item.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(RasterError, match=says) as raised:
        located(str(tmp_path / "item.json"))
    assert "\n" not in str(raised.value)


def test_any_other_name_is_left_as_it_is(tmp_path):
    for name in ("a.tif", "s3://b/a.tif", "/vsizip/a.zip/a.tif", "https://h/a.tif?sig=x.json"):
        assert located(name) == name
    with pytest.raises(RasterError, match="none.json cannot be read: No such file"):
        located("none.json")


def test_the_scene_of_an_item_whose_address_was_typed_is_read_over_the_network(item, web, write):
    data = np.random.default_rng(0).integers(0, 255, (3, 64, 64), dtype=np.uint8)
    write(data, "a.tif")
    item({"image": {"href": "./a.tif", "type": TIFF}})
    with named(f"{web}/item.json") as path, Scene(path) as scene:
        assert path == f"{web}/a.tif"
        assert (scene.read_decimated(64, (1, 2, 3))[0] == data).all()
    with pytest.raises(RasterError, match="cannot be fetched: HTTP Error 404"):
        located(f"{web}/none.json")


@pytest.mark.parametrize("href", ["file:///etc/hostname", "zip+file:///a.zip", "ftp://h/a.tif"])
def test_an_item_of_the_network_does_not_reach_files_of_this_machine(item, web, href):
    item({"image": {"href": href, "type": TIFF}})
    with pytest.raises(RasterError, match="may point to http, https, s3, gs, az only"):
        located(f"{web}/item.json")


def test_an_item_is_not_fetched_by_other_means_than_the_web():
    with pytest.raises(RasterError, match="is not fetched: an item is a file or http or https"):
        located("ftp://127.0.0.1/item.json")
