"""Scenes on a web server that gives parts of files."""

import http.server
import threading

import numpy as np
import pytest

from geoseg.errors import RasterError
from geoseg.grid import Window
from geoseg.raster import Scene


@pytest.fixture
def web(tmp_path):
    """Serve a folder in parts; give its address and the list of ranges that were asked for."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self):
            self._answer(body=False)

        def do_GET(self):
            self._answer(body=True)

        def _answer(self, *, body):
            path = tmp_path / self.path.lstrip("/")
            if not path.is_file():
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            data, wanted = path.read_bytes(), self.headers.get("Range")
            first, last = 0, len(data) - 1
            if wanted:
                start, _, stop = wanted.removeprefix("bytes=").partition("-")
                first, last = int(start), min(int(stop or last), last)
                asked.append((first, last))
            self.send_response(206 if wanted else 200)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(last + 1 - first))
            if wanted:
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
            self.end_headers()
            if body:
                self.wfile.write(data[first : last + 1])

        def log_message(self, *ignored):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("prefix", ["/vsicurl/", ""])
def test_a_window_of_a_remote_scene_is_read_in_parts(web, write, prefix):
    address, asked = web
    data = np.random.default_rng(0).integers(0, 255, (3, 1024, 1024), dtype=np.uint8)
    path = write(data, tiled=True, blockxsize=256, blockysize=256)
    with Scene(f"{prefix}{address}/{path.name}") as scene:
        found, valid = scene.read(Window(300, 520, 100, 80))
    assert (found == data[:, 520:600, 300:400]).all() and valid.all()
    assert sum(last + 1 - first for first, last in asked) < path.stat().st_size / 2


def test_a_remote_scene_that_is_not_there_is_one_line(web):
    with pytest.raises(RasterError) as raised:
        Scene(f"/vsicurl/{web[0]}/none.tif")
    assert "\n" not in str(raised.value)
