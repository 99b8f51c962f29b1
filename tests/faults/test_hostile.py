"""Files that a stranger made to read, run or reach what is not theirs; each with a canary."""

import http.server
import json
import os
import pickle
import threading
import zipfile

import numpy as np
import pytest
import rasterio

import geoseg
from geoseg.errors import GeosegError, ModelError, RasterError, VectorError
from geoseg.learning.checkpoint import load
from geoseg.raster import MaskReader, Scene
from geoseg.tools.pairs import find_pairs
from geoseg.tools.scene_list import read_scenes
from geoseg.vector import read_geometries

BAND = '<VRTDataset rasterXSize="8" rasterYSize="8"><VRTRasterBand dataType="Byte" band="1"{more}>'
END = "</VRTRasterBand></VRTDataset>"
RAW = BAND.format(more=' subClass="VRTRawRasterBand"') + (
    '<SourceFilename relativeToVRT="0">{path}</SourceFilename><ImageOffset>0</ImageOffset>'
    "<PixelOffset>1</PixelOffset><LineOffset>8</LineOffset>" + END
)
SIMPLE = BAND.format(more="") + (
    '<SimpleSource><SourceFilename relativeToVRT="{relative}">{path}</SourceFilename>'
    "<SourceBand>1</SourceBand></SimpleSource>" + END
)
PYTHON = BAND.format(more=' subClass="VRTDerivedRasterBand"') + (
    "<PixelFunctionType>f</PixelFunctionType><PixelFunctionLanguage>Python"
    "</PixelFunctionLanguage><PixelFunctionCode>\nimport pathlib\n"
    "def f(in_ar, out_ar, *a, **k):\n    pathlib.Path({canary!r}).touch()\n"
    "</PixelFunctionCode>" + END
)


@pytest.fixture
def canary(tmp_path):
    return tmp_path / "canary"


@pytest.fixture
def plain(tmp_path):
    with rasterio.open(
        tmp_path / "plain.tif", "w", driver="GTiff", width=8, height=8, count=1, dtype="uint8"
    ) as target:
        target.write(np.full((1, 8, 8), 7, np.uint8))
    return tmp_path / "plain.tif"


@pytest.fixture
def server():
    """Give the address of a server, and the requests that it got."""
    hits = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            hits.append(self.path)
            self.send_response(404)
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, *words):
            pass

    running = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}", hits
    running.shutdown()


def pixels(path):
    with Scene(path) as scene:
        return scene.read_decimated(8, (1,))[0]


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_a_vrt_of_plain_files_is_read(tmp_path, plain):
    mosaic = write(tmp_path / "mosaic.vrt", SIMPLE.format(relative=1, path="plain.tif"))
    assert (pixels(mosaic) == 7).all()
    outer = write(tmp_path / "outer.vrt", SIMPLE.format(relative=0, path=mosaic))
    assert (pixels(outer) == 7).all()


@pytest.mark.parametrize("name", ["scene.tif", "scene.vrt"])
@pytest.mark.parametrize("kind", ["raw", "python", "network"])
def test_a_vrt_that_reaches_out_is_refused_under_any_name(
    tmp_path, canary, server, name, kind, monkeypatch
):
    monkeypatch.setenv("GDAL_VRT_ENABLE_PYTHON", "YES")
    secret = write(tmp_path / "secret", "TOPSECRET" * 10)
    address, hits = server
    text = {
        "raw": RAW.format(path=secret),
        "python": PYTHON.format(canary=str(canary)),
        "network": SIMPLE.format(relative=0, path=f"/vsicurl/{address}/x.tif"),
    }[kind]
    with pytest.raises(RasterError):
        pixels(write(tmp_path / name, text))
    with pytest.raises(RasterError), MaskReader(tmp_path / name) as mask:
        mask.read(0, 8)
    assert not canary.exists()
    assert hits == []


def test_a_vrt_hidden_in_a_vrt_is_found(tmp_path, canary, monkeypatch):
    monkeypatch.setenv("GDAL_VRT_ENABLE_PYTHON", "YES")
    write(tmp_path / "inner.tif", PYTHON.format(canary=str(canary)))
    outer = write(tmp_path / "outer.vrt", SIMPLE.format(relative=1, path="inner.tif"))
    with pytest.raises(RasterError, match="code in it"):
        pixels(outer)
    assert not canary.exists()


@pytest.mark.parametrize("prefix", ["", "/vsicurl/"])
def test_a_stac_item_of_this_machine_does_not_reach_out(tmp_path, server, prefix):
    address, hits = server
    assets = {"image": {"href": f"{prefix}{address}/x.tif", "type": "image/tiff"}}
    item = write(tmp_path / "item.json", json.dumps({"type": "Feature", "assets": assets}))
    for name in (str(item), f"{item}|asset=image"):
        with pytest.raises(RasterError, match="points to .* no file of this machine"):
            geoseg.predict(name, tmp_path / "mask.tif")
        with pytest.raises(RasterError, match="points to .* no file of this machine"):
            geoseg.evaluate("a.gpkg", "b.gpkg", scene=name, report=tmp_path / "r.html")
    assert hits == []
    assert [one.name for one in tmp_path.iterdir()] == ["item.json"]


@pytest.mark.parametrize("path", [
    "http://127.0.0.1:9/x.tif", "/vsizip/a.zip/x.tif", "NETCDF:secret.nc:x", "secret", "missing.tif"
])
def test_a_vrt_may_name_plain_raster_files_only(tmp_path, path):
    write(tmp_path / "secret", "TOPSECRET" * 10)
    with pytest.raises(RasterError, match="points to"):
        pixels(write(tmp_path / "mosaic.vrt", SIMPLE.format(relative=1, path=path)))


def test_a_vrt_that_names_itself_ends(tmp_path):
    loop = write(tmp_path / "loop.vrt", SIMPLE.format(relative=1, path="loop.vrt"))
    with pytest.raises(RasterError, match="VRT in"):
        pixels(loop)


def test_an_entity_bomb_is_refused(tmp_path):
    lines = [f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12)]
    bomb = '<!DOCTYPE b [<!ENTITY a0 "ha">' + "".join(lines) + "]><VRTDataset>&a11;</VRTDataset>"
    with pytest.raises(RasterError, match="entities"):
        pixels(write(tmp_path / "bomb.vrt", bomb))


@pytest.mark.parametrize("reader", [Scene, MaskReader])
def test_a_small_file_that_claims_a_huge_raster_is_refused(tmp_path, reader):
    path = tmp_path / "claim.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=1_000_000, height=1_000_000, count=1, dtype="uint8",
        sparse_ok=True, bigtiff="yes", tiled=True, blockxsize=16384, blockysize=16384,
    ):
        pass
    assert path.stat().st_size < 1 << 20
    with pytest.raises(RasterError, match="claims 1000000 x 1000000 pixels"):
        reader(path)


@pytest.mark.parametrize("reader", [Scene, MaskReader])
def test_a_block_that_would_fill_the_memory_is_refused(tmp_path, reader):
    path = tmp_path / "bomb.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=40_000, height=40_000, count=1, dtype="uint8",
        sparse_ok=True, tiled=True, blockxsize=40_000, blockysize=40_000, compress="deflate",
    ):
        pass
    with pytest.raises(RasterError, match="stores blocks of 40000 x 40000 pixels"):
        reader(path)


class Evil:
    """Runs a command where it is unpickled."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch '{self.canary}'",)


@pytest.mark.parametrize("kind", ["pickle", "zip", "long header", "not json", "empty"])
@pytest.mark.parametrize("suffix", ["safetensors", "pt", "pt2", "pth"])
def test_an_evil_model_file_is_refused_and_nothing_runs(
    tmp_path, canary, kind, suffix, monkeypatch
):
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    path = tmp_path / f"model.{suffix}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps(Evil(canary)))
            archive.writestr("../escaped", "x")
    else:
        path.write_bytes({
            "pickle": pickle.dumps(Evil(canary)), "long header": b"\xff" * 8 + b"{}",
            "not json": (8).to_bytes(8, "little") + b"notjson!", "empty": b"",
        }[kind])
    with pytest.raises(ModelError, match="not a model file"):
        load(path)
    assert not canary.exists()
    assert not (tmp_path.parent / "escaped").exists()


@pytest.mark.parametrize("name", ["layer.geojson", "layer.gpkg", "layer.vrt"])
def test_a_virtual_vector_layer_is_refused_under_any_name(tmp_path, name):
    write(tmp_path / "secret.csv", "WKT\n\"POLYGON((0 0,1 0,1 1,0 0))\"\n")
    text = ('<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>'
            f"{tmp_path / 'secret.csv'}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>")
    with pytest.raises(VectorError, match="virtual"):
        read_geometries(write(tmp_path / name, text), crs=None)


@pytest.mark.parametrize("name", [
    "a'b.tif", 'a"b.tif', "a;touch canary.tif", "<script>.tif", "a b\tc.tif", "größe.tif"
])
def test_strange_names_are_names(tmp_path, plain, name):
    plain.rename(tmp_path / name)
    assert (pixels(tmp_path / name) == 7).all()
    assert sorted(os.listdir(tmp_path)) == [name]


def test_a_nul_in_a_name_is_one_line(tmp_path):
    with pytest.raises((GeosegError, ValueError)):
        pixels(f"{tmp_path}/a\0b.tif")


def test_a_fifo_is_refused_and_does_not_hang(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("no FIFOs here")
    os.mkfifo(tmp_path / "scene.tif")
    for reader in (Scene, MaskReader):
        with pytest.raises(RasterError, match="not a regular file"):
            reader(tmp_path / "scene.tif")


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "../../canary", "a'b\"c", "x;y"])
def test_a_class_of_a_strange_name_is_only_text(tmp_path, plain, name):
    from geoseg.raster import MaskWriter

    with Scene(plain) as scene:
        box = scene.geobox
    (tmp_path / "inside").mkdir()
    out = tmp_path / "inside" / "mask.tif"
    with MaskWriter(out, box, (name,), tags={}) as writer:
        writer.write(np.zeros((1, 8, 8), np.uint8))
    with MaskReader(out) as mask:
        assert mask.descriptions == (name,)
    assert sorted(os.listdir(tmp_path)) == ["inside", "plain.tif"]
    assert os.listdir(tmp_path / "inside") == ["mask.tif"]


@pytest.mark.parametrize("kind", ["fifo", "endless", "large", "binary"])
@pytest.mark.parametrize(
    ("read", "name"),
    [(read_scenes, "scenes.txt"), (read_scenes, "item.json"), (find_pairs, "pairs.csv")],
)
def test_a_list_that_is_no_small_text_is_refused_at_once(tmp_path, read, name, kind):
    path = tmp_path / name
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "endless":
        path.symlink_to("/dev/zero")
    else:
        path.write_bytes(b"\xff\xfe\x00\xd8")
        if kind == "large":
            os.truncate(path, 1 << 40)
    with pytest.raises(GeosegError, match="not a regular file|larger than|no UTF-8") as raised:
        read([str(path)])
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("line", ["a.tif", ",b.gpkg", "a.tif,b.gpkg,heavy"])
def test_a_list_of_pairs_with_a_bad_line_names_the_line(tmp_path, line):
    path = tmp_path / "pairs.csv"
    path.write_text(f"scene,labels,weight\n{line}\n")
    with pytest.raises(GeosegError, match="on line 2"):
        find_pairs([path])
