import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely

sys.path.insert(0, str(Path(__file__).parent))


@dataclass
class FakeBatch:
    """The columns of a ParcelBatch, with shapely polygons in place of arrays."""

    parcel_id: Any
    value: Any
    area_m2: Any
    perimeter_m: Any
    confidence: Any
    boundary: Any
    edge: Any
    shapes: Any
    classes: Any = None

    def wkb(self):
        texts = shapely.to_wkb(self.shapes).tolist()
        return np.cumsum([0, *map(len, texts)]), b"".join(texts)


@pytest.fixture
def squares():
    """Give a function: n squares of 10 m in UTM, in batches of a size."""

    def make(n=5, size=2, *, classes=None, shapes=None):
        x = 500_000 + 10.0 * np.arange(n)
        if shapes is None:
            shapes = shapely.box(x, 5_400_000, x + 10, 5_400_010)
        for start in range(0, n, size):
            index = np.arange(n)[start : start + size]
            yield FakeBatch(
                index + 1, index % 2, 100.0 + index, 40.0 + index, index / n, index / n / 2,
                index == 0, np.array(shapes, object)[index], classes,
            )

    return make


@pytest.fixture
def utm():
    """Give the WKT of UTM zone 33 north."""
    return pyproj.CRS(32633).to_wkt()
