"""Look before training whether the data is to blame, and name what is wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geoseg.learning.cutting.targets import changes
from geoseg.learning.watch import Alarm

RARE = 0.005
"""Share of a class below which it can hardly be learnt."""
BLANK = 0.03
"""Share of pixels of one extreme value in all bands that is no chance but missing data."""
LOOKED_AT = 1024
"""Rows and columns, from the middle of a scene, on which borders are compared with the image."""
FARTHEST = 32
"""Pixels by which labels are shifted on trial."""
STILL = 6
"""Pixels of shift that are no more than a careless hand."""
CLEARER = 1.12
"""Times as much contrast under the borders, elsewhere, that is no chance: 30 real aerials have at
most 1.03 in place, and at least 1.14 when their labels are shifted by 10 to 16 pixels."""


def check_labels(name: str, labels: np.ndarray, valid: np.ndarray) -> list[Alarm]:
    """Name what is wrong with the labels of a scene, before training.

    Args:
        name: of the scene.
        labels: (rows, cols) integer, 0 background, above 0 a parcel, -1 not known.
        valid: (rows, cols) bool, of the image.
    """
    known = labels[valid & (labels >= 0)]
    if known.size == 0:
        return [Alarm("no-overlap", f"{name}: no pixel has both image and label", fatal=True)]
    alarms = []
    share = float((known > 0).mean())
    if share == 0:
        alarms.append(Alarm("empty", f"{name}: no parcel lies on the scene; check the labels' CRS"))
    elif share < RARE:
        alarms.append(Alarm("rare", f"{name}: parcels cover only {share:.2%} of the scene"))
    if share == 1 and known.min() == known.max():
        alarms.append(Alarm("one-label", f"{name}: the whole scene is one parcel, no border"))
    values = np.unique(known)
    if values.tolist() == [0, 255]:
        alarms.append(
            Alarm(
                "two-valued",
                f"{name}: labels are 0 and 255 only, so touching parcels are one; "
                "give one number per parcel",
            )
        )
    return alarms


def check_together(parcel_share: float, scene_alarms: Sequence[Alarm], scenes: int) -> list[Alarm]:
    """Name what is wrong with all the data together."""
    alarms = []
    if sum(one.name == "empty" for one in scene_alarms) == scenes or parcel_share == 0:
        text = "no scene has a parcel on it; check that labels and scenes share a place"
        alarms.append(Alarm("all-empty", text, fatal=True))
    return alarms


def check_range(
    name: str, low: float, high: float, bands: Sequence[tuple[float, float]]
) -> list[Alarm]:
    """Name an image whose values (2nd and 98th percentile) are far off the model's range."""
    span = max(top - bottom for bottom, top in bands)
    bottom, top = min(b for b, _ in bands), max(t for _, t in bands)
    if high - low < 0.02 * span or low > top or high < bottom:
        text = f"{name}: values {low:g} to {high:g} do not fit the model's {bottom:g} to {top:g}"
        return [Alarm("range", text + "; set --range LOW HIGH")]
    return []


def check_blank(name: str, image: np.ndarray, valid: np.ndarray) -> list[Alarm]:
    """Name missing data that is taken for ground: one extreme value in all bands, over an area.

    Args:
        name: of the scene.
        image: (bands, rows, cols), raw.
        valid: (rows, cols) bool; what is declared missing is not.
    """
    if not valid.any():
        return []
    for value in (image[:, valid].min(), image[:, valid].max()):
        share = float(((image == value).all(axis=0) & valid).mean())
        if share > BLANK:
            return [Alarm(
                "undeclared-nodata",
                f"{name}: {share:.0%} of the pixels are {value:g} in every band and count as "
                f"ground; if that means no data, declare it: gdal_edit -a_nodata {value:g}",
            )]
    return []


def check_shift(
    name: str, image: np.ndarray, labels: np.ndarray, valid: np.ndarray
) -> list[Alarm]:
    """Name labels whose borders fit the image much better elsewhere: shifted, or of another CRS.

    The image's gradient is averaged under the borders, for every shift of up to `FARTHEST` pixels
    at once, as a correlation. One shift must stand out.

    Args:
        name: of the scene.
        image: (bands, rows, cols), raw.
        labels: (rows, cols) integer, -1 not known.
        valid: (rows, cols) bool, of the image; no slope is seen beside other pixels.
    """
    known = _middle(valid)
    if not known.any():
        return []
    slope = _slope(np.where(known, _middle(image), 0).astype(np.float32).mean(axis=0), known)
    edges = changes(_middle(labels))
    if min(edges.shape) <= 4 * FARTHEST or edges.sum() < 4 * FARTHEST:
        return []
    contrast = _correlation(slope, edges)
    here = contrast[FARTHEST, FARTHEST]
    row, col = np.unravel_index(np.argmax(contrast), contrast.shape)
    down, right = int(row) - FARTHEST, int(col) - FARTHEST
    if max(abs(down), abs(right)) <= STILL or contrast[row, col] < CLEARER * max(here, 1.0):
        return []
    return [Alarm(
        "shifted",
        f"{name}: the labels fit the image better {abs(right)} pixels to the "
        f"{'right' if right > 0 else 'left'} and {abs(down)} {'down' if down > 0 else 'up'} "
        f"(contrast under their borders {contrast[row, col]:.2f}, here {here:.2f}); check their "
        "CRS and the image's",
    )]


def _middle(array: np.ndarray) -> np.ndarray:
    """Take at most `LOOKED_AT` rows and columns from the middle."""
    rows, cols = (
        slice((side - min(side, LOOKED_AT)) // 2, (side + min(side, LOOKED_AT)) // 2)
        for side in array.shape[-2:]
    )
    return array[..., rows, cols]


def _slope(grey: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Give how steep the image is, bounded so that a roof does not outweigh ten fields."""
    down, right = np.gradient(grey)
    steep = np.where(valid, np.hypot(down, right), 0)
    for axis in range(2):
        one, other = (np.moveaxis(array, axis, 0) for array in (steep, valid))
        one[1:][~other[:-1]] = one[:-1][~other[1:]] = 0
    return np.minimum(steep, 3 * np.median(steep[valid]) + 1e-6)


def _correlation(slope: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Give mean slope under the shifted edges over the mean, (2 FARTHEST + 1) squared."""
    inner = np.zeros_like(edges)
    keep = slice(FARTHEST, -FARTHEST)
    inner[keep, keep] = edges[keep, keep]
    product = np.fft.rfft2(slope) * np.conj(np.fft.rfft2(inner.astype(np.float32)))
    sums = np.fft.irfft2(product, slope.shape)
    shifts = np.arange(-FARTHEST, FARTHEST + 1)
    return sums[np.ix_(shifts, shifts)] / (inner.sum() * slope.mean() + 1e-9)
