"""Apply a look to the pixels of a chip, row by row."""

from __future__ import annotations

import math

from geoseg.kernels.compiled import helper
from geoseg.learning.cutting.numbers import exp2, f4, i4, log2, normal, u4
from geoseg.learning.scaling import GREY

LOG2_E = math.log2(math.e)


@helper
def smooth_row(row, smooth):
    """Average each pixel with its neighbours to the left and right, with weights 1 2 1."""
    last = len(row) - 1
    for x in range(1, last):
        smooth[x] = f4(0.25) * row[x - 1] + f4(0.5) * row[x] + f4(0.25) * row[x + 1]
    smooth[0] = f4(0.75) * row[0] + f4(0.25) * row[min(1, last)]
    smooth[last] = f4(0.75) * row[last] + f4(0.25) * row[max(0, last - 1)]


@helper
def blur(pixels, lines):
    """Average each pixel of a band with its neighbours, with weights 1 2 1 down and across."""
    last = len(pixels) - 1
    smooth_row(pixels[0], lines[0])
    for y in range(last + 1):
        if y < last:
            smooth_row(pixels[y + 1], lines[(y + 1) % 3])
        row, here = pixels[y], lines[y % 3]
        above, below = lines[max(y - 1, 0) % 3], lines[min(y + 1, last) % 3]
        for x in range(len(row)):
            row[x] = f4(0.25) * above[x] + f4(0.5) * here[x] + f4(0.25) * below[x]


@helper
def bend(row, power):
    """Raise to a power; what is below 0 becomes 0."""
    for x in range(len(row)):
        row[x] = log2(max(row[x], f4(0)))
    for x in range(len(row)):
        row[x] = exp2(power * row[x])


@helper
def mean_of(pixels, sums):
    """Give the mean of all pixels."""
    size = len(sums)
    for x in range(size):
        sums[x] = f4(0)
    for band in range(len(pixels)):
        for y in range(size):
            row = pixels[band, y]
            for x in range(size):
                sums[x] += row[x]
    total = 0.0
    for x in range(size):
        total += sums[x]
    return total / pixels.size


@helper
def tone(pixels, y, gains, offsets, saturation, grey):
    """Multiply each band of a row and add to it, then move it to or from the mean of the bands."""
    bands, size = len(pixels), len(grey)
    for x in range(size):
        grey[x] = f4(0)
    for band in range(bands):
        row, gain, offset = pixels[band, y], gains[band], offsets[band]
        for x in range(size):
            row[x] = gain * row[x] + offset
            grey[x] += row[x]
    if saturation != f4(1):
        share = f4(1 - saturation) / f4(bands)
        for band in range(bands):
            row = pixels[band, y]
            for x in range(size):
                row[x] = saturation * row[x] + share * grey[x]


@helper
def find_light(look, y, light):
    """Find the light along a row: 1 on one side of a line, 1 + depth on the other, or between."""
    size = len(light)
    if look.depth == 0:
        for x in range(size):
            light[x] = f4(1)
        return
    step = 1 / max(1, size - 1)
    at = (y * step - 0.5) * look.down - 0.5 * look.right - look.shift
    start, slope = f4(-LOG2_E * at), f4(-LOG2_E * step * look.right)
    for x in range(size):
        light[x] = f4(1) + f4(look.depth) / (f4(1) + exp2(start + slope * f4(i4(x))))


@helper
def finish_row(row, light, grain, first, known):
    """Light a row, add grain, and make it grey where there is no data.

    Grain is random numbers of a standard deviation; they are made of `first` and the next ones.
    """
    for x in range(len(row)):
        value = row[x] * light[x]
        if grain > f4(0):
            value += grain * normal(u4(first + u4(x)))
        row[x] = value if known[x] > 0 else f4(GREY)


@helper
def find_tones(look, mean, gains, offsets):
    """Join contrast around a mean, brightness and the bands' gains: a factor and a term each."""
    shift = mean * (1 - look.contrast) + look.brightness
    for band in range(len(gains)):
        gains[band] = f4(look.contrast * look.gains[band])
        offsets[band] = f4(shift * look.gains[band])


@helper
def relight(pixels, look, room):
    """Apply a look, but for its turn, to the pixels of a chip; grey where there is no data.

    Args:
        pixels: (bands, size, size) float32, scaled and turned; are changed.
        look: as in `augment`.
        room: with what is known of the chip.
    """
    bands, size = len(pixels), len(room.known)
    for band in range(bands):
        for _ in range(look.blurs):
            blur(pixels[band], room.lines)
        for y in range(size if look.power != 1 else 0):
            bend(pixels[band, y], f4(look.power))
    grey, light, gains, offsets = room.lines[0], room.lines[1], room.tones[0], room.tones[1]
    mean = mean_of(pixels, grey) if look.contrast != 1 else 0.0
    find_tones(look, mean, gains, offsets)
    for y in range(size):
        tone(pixels, y, gains, offsets, f4(look.saturation), grey)
        find_light(look, y, light)
        for band in range(bands):
            finish_row(
                pixels[band, y], light, f4(look.grain),
                u4(look.seed + (band * size + y) * size), room.known[y],
            )
