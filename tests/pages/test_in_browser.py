"""The web pages that geoseg writes, in a real browser. GEOSEG_BROWSER=1 runs it; required: must."""

import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely

import geoseg

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
               None)
FLAGS = ("--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run "
         "--remote-debugging-pipe --window-size=1280,900 --hide-scrollbars --disable-extensions "
         "--disable-background-networking --disable-component-update")

WANTED = os.environ.get("GEOSEG_BROWSER", "")
NAIP = Path(__file__).parents[2] / "docs" / "reports" / "naip.html"
SIDE = 142
"""142 x 142 are 20,164 parcels."""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(WANTED not in ("1", "required"), reason="set GEOSEG_BROWSER=1"),
    pytest.mark.skipif(WANTED == "1" and PROGRAM is None, reason="no Chromium"),
]


class Browser:
    """One page of a headless Chromium, spoken to over a pipe by the DevTools protocol.

    Attributes:
        problems: errors and warnings of the page's scripts.
        requests: addresses that the page asked for.
    """

    def __enter__(self):
        self.problems, self.requests, self._number, self._rest = [], [], 0, b""
        self._home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        command = (f"exec {PROGRAM} {FLAGS} --user-data-dir={self._home.name} about:blank "
                   f"3<&{theirs_in} 4>&{theirs_out}")
        self._process = subprocess.Popen(
            ["bash", "-c", command], pass_fds=(theirs_in, theirs_out),
            stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )
        os.close(theirs_in), os.close(theirs_out)
        self._session = None
        page = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for part in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{part}.enable")
        return self

    def __exit__(self, *ignored):
        self._process.terminate()
        self._process.wait()
        os.close(self._in), os.close(self._out)
        self._home.cleanup()

    def call(self, method, **params):
        """Send a command and give its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def open(self, path):
        """Load a file and wait until its scripts have run; give the seconds it took."""
        started = time.monotonic()
        self.call("Page.navigate", url=path.resolve().as_uri())
        while self._next().get("method") != "Page.loadEventFired":
            pass
        self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return time.monotonic() - started

    def run(self, script):
        """Give the value of an expression."""
        made = self.call("Runtime.evaluate", expression=script, returnByValue=True,
                         awaitPromise=True)
        if "exceptionDetails" in made:
            raise RuntimeError(json.dumps(made["exceptionDetails"])[:500])
        return made["result"].get("value")

    def click(self, x, y):
        """Press and release the mouse at a place of the window; give the seconds it took."""
        started = time.monotonic()
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        return time.monotonic() - started

    def _next(self, seconds=120):
        while b"\0" not in self._rest:
            if not select.select([self._in], [], [], seconds)[0]:
                raise TimeoutError("the browser does not answer")
            piece = os.read(self._in, 1 << 20)
            if not piece:
                raise RuntimeError("the browser ended")
            self._rest += piece
        text, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(text)
        self._note(message.get("method"), message.get("params", {}))
        return message

    def _note(self, method, params):
        if method == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(params["exceptionDetails"])[:500])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.problems.append(json.dumps(params["args"])[:500])
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.problems.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Give a report of 20,164 parcels, a tenth of them missed and a tenth moved."""
    path = tmp_path_factory.mktemp("browser") / "large.html"
    west, south = (one.ravel() * 100.0 for one in np.meshgrid(*[np.arange(SIDE)] * 2))
    random = np.random.default_rng(0)
    true = shapely.box(west, south, west + 96, south + 96)
    kept, moved = random.random(len(true)) > 0.1, random.random(len(true)) < 0.1
    found = shapely.box(west + 60 * moved, south, west + 60 * moved + 90, south + 96)[kept]
    tables = (geopandas.GeoSeries(shapely.transform(one, lambda xy: xy + (4e5, 5e6)), crs=32633)
              for one in (found, true))
    geoseg.evaluate(*tables, report=path)
    return path


@pytest.fixture(params=["naip", "large"])
def page(request):
    """Give a report that the documentation has, and one that is large."""
    return NAIP if request.param == "naip" else request.getfixturevalue("large")


def test_a_report_has_a_clean_console_asks_for_nothing_and_answers_a_click(page, capsys):
    with Browser() as browser:
        seconds = browser.open(page)
        assert browser.run("document.querySelector('.chosen').hidden")
        browser.run("document.querySelector('.map canvas').scrollIntoView({block: 'center'})")
        place = browser.run(
            "(({x, y, width, height}) => [x + width / 2, y + height / 2])"
            "(document.querySelector('.map canvas').getBoundingClientRect())"
        )
        clicks, shown = [], []
        for n in range(12):
            clicks.append(browser.click(place[0], place[1] + 12 * n))
            shown.append(browser.run("document.querySelector('.chosen').textContent"))
        ticks = browser.run("document.querySelectorAll('.keys input').length")
        browser.run("document.querySelectorAll('.keys input').forEach((one) => one.click())")
        browser.run("document.querySelectorAll('[data-zoom]').forEach((one) => one.click())")
        browser.run("new Promise((done) => setTimeout(done, 500))")
        assert len(set(filter(None, shown))) >= 2 and ticks >= 2
        assert browser.problems == []
        assert [one for one in browser.requests if not one.startswith(("file:", "data:"))] == []
    with capsys.disabled():
        print(f"\n{page.name}: {page.stat().st_size >> 10} KiB open after {seconds:.1f} s, "
              f"a click takes {1000 * max(clicks):.0f} ms at most")
