import base64
import json
import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import Polygon, box

from geoseg.pages import (
    Bars,
    Frame,
    MapLayer,
    Page,
    bars,
    encode_outlines,
    histogram,
    map_section,
    table,
)

CANARY = "</script><script>alert('canary')</script><img src=x onerror=alert(1)>"


def decoded(outlines, n):
    """Read outlines as the page's script does."""
    content, at = base64.b64decode(outlines), 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = content[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def signed():
        value = number()
        return -(value + 1) // 2 if value % 2 else value // 2

    x = y = 0
    shapes = []
    for _ in range(n):
        rings = []
        for _ in range(number()):
            ring = []
            for _ in range(number()):
                x, y = x + signed(), y + signed()
                ring.append((x, y))
            rings.append(ring)
        shapes.append(rings)
    assert at == len(content)
    return shapes


def array(*shapes):
    out = np.empty(len(shapes), object)
    out[:] = shapes
    return out


def test_outlines_are_steps_from_the_upper_left_with_holes_and_parts():
    frame = Frame(0, 0, 65536, 65536)
    holed = Polygon(box(0, 65526, 10, 65536).exterior, [box(2, 65528, 4, 65530).exterior])
    parts = shapely.MultiPolygon([box(0, 0, 1, 1), box(65535, 0, 65536, 1)])
    first, second = decoded(encode_outlines(array(holed, parts), frame), 2)
    assert [sorted(ring) for ring in first] == [
        [(0, 0), (0, 10), (10, 0), (10, 10)], [(2, 6), (2, 8), (4, 6), (4, 8)]
    ]
    assert sorted(second[1]) == [
        (65535, 65535), (65535, 65536), (65536, 65535), (65536, 65536)
    ]


@given(st.lists(st.tuples(*[st.integers(0, 60000)] * 2, *[st.integers(1, 5000)] * 2), max_size=8))
def test_any_boxes_come_back(boxes):
    shapes = [box(x, y, x + w, y + h) for x, y, w, h in boxes]
    frame = Frame(0, 0, 65536, 65536, down=True)
    back = decoded(encode_outlines(array(*shapes), frame), len(shapes))
    for rings, shape in zip(back, shapes):
        assert Polygon(rings[0]).equals(shape)


def test_nothing_is_encoded_as_nothing():
    assert encode_outlines(array(), Frame(0, 0, 1, 1)) == ""


def test_text_never_becomes_markup():
    page = Page(CANARY, CANARY)
    page.add(CANARY, table([CANARY], [[CANARY, CANARY]], kind=CANARY))
    page.add("chart", bars([Bars(CANARY, [1], CANARY)] * 2, [CANARY], label=CANARY))
    layer = MapLayer(CANARY, array(box(0, 0, 1, 1)), np.zeros(1, int), [(CANARY, "matched")],
                     {CANARY: [CANARY]})
    page.add("map", map_section([layer], Frame(0, 0, 1, 1), note=CANARY))
    made = page.to_html()
    assert "<script>alert" not in made
    assert "<img" not in made
    (content,) = re.findall(r'<script type="application/json" id="map">(.*?)</script>', made)
    assert json.loads(content)["layers"][0]["facts"] == {CANARY: [CANARY]}


def test_a_page_asks_nothing_of_the_network():
    page = Page("a", scripts=("map.js",))
    page.add("b", "<p>c</p>")
    made = page.to_html()
    assert "default-src 'none'" in made
    assert re.findall(r"https?://|src=|@import|url\(", made) == []


def test_a_histogram_counts_values_and_leaves_nan_out():
    values = [0.1, 0.2, 0.6, 2.0, float("nan")]
    made = histogram([("a", values, "matched")], np.array([0, 0.5, 1.0]), label="IoU")
    assert re.findall(r"<title>a: (\d+)</title>", made) == ["2", "2"]


@pytest.mark.parametrize("values", [[0, 0], [1e9, 3]])
def test_bars_stay_in_the_drawing(values):
    made = bars([Bars("a", values, "plain")], ["x", "y"], label="l")
    heights = [float(one) for one in re.findall(r'<rect[^>]* height="([\d.]+)"', made)]
    assert max(heights) <= 128.1


def test_the_report_in_the_documentation_has_the_scripts_of_today():
    report = Path(__file__).parents[2] / "docs" / "reports" / "naip.html"
    parts = [one for one in files("geoseg.pages").iterdir() if one.name.endswith((".js", ".css"))]
    stale = [one.name for one in parts if one.read_text() not in report.read_text()]
    assert parts and not stale, "make it anew: python tests/benchmarks/report_naip.py"
