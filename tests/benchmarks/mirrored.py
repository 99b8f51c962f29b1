"""The sample scene, laid side by side as in a mirror, to any size: parcels go on over the seams."""

from pathlib import Path

import numpy as np
import rasterio

ROOT = Path(__file__).resolve().parents[2]
SIDE = 1024
"""Rows and columns of the sample scene."""


def write_mirrored(path: Path, rows: int, columns: int, **profile: object) -> None:
    """Write such a scene, a strip at a time; memory is that of one strip.

    Args:
        path: GeoTIFF to write.
        rows: of the scene.
        columns: of the scene.
        profile: options of GDAL beside blocks of 512 x 512.
    """
    with rasterio.open(ROOT / "sample_data" / "scene.tif") as source:
        pixels, known = source.read(), source.profile
    pair = np.concatenate([pixels, pixels[:, :, ::-1]], axis=2)
    wide = np.tile(pair, (1, 1, -(-columns // pair.shape[2])))[:, :, :columns]
    options = {"compress": "deflate", "bigtiff": "if_safer", "tiled": True, "blockxsize": 512,
               "blockysize": 512} | profile
    with rasterio.open(path, "w", **known | {"height": rows, "width": columns} | options) as target:
        for start in range(0, rows, SIDE):
            strip = wide[:, ::-1] if start // SIDE % 2 else wide
            stop = min(start + SIDE, rows)
            target.write(strip[:, : stop - start], window=((start, stop), (0, columns)))
