"""Draw maps of fields as a network labels them: roads, and borders rough by a pixel or two.

    python tests/benchmarks/label_maps.py OUT.tif [--size 10000] [--side 33]    the rough map

Blocks around jittered points, roads between them, each block cut into strips that lie its own way,
each strip cut into fields; a long wave bends all borders and a short one roughens them. Random
numbers come from places, so the result is always the same.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import rasterio
from numba import njit

ROUGH = np.float32(1.6)
"""Pixels by which borders are rough."""
F = np.float32


@njit(cache=True)
def _random(a, b, c):
    """Give a value of 0 to 1 for three whole numbers."""
    mask = np.uint64(0xFFFFFFFF)
    h = np.uint64(np.uint32(a)) * np.uint64(0x9E3779B1)
    h ^= np.uint64(np.uint32(b)) * np.uint64(0x85EBCA77)
    h = (h ^ np.uint64(np.uint32(c)) * np.uint64(0xC2B2AE3D)) & mask
    for factor, shift in ((0x2C1B3C6D, 15), (0x297A2D39, 12)):
        h = ((h ^ (h >> np.uint64(shift))) * np.uint64(factor)) & mask
    return F(h ^ (h >> np.uint64(15))) / F(2**32)


@njit(cache=True)
def _wave(x, y, seed):
    """Give a smooth random value of -0.5 to 0.5 for a place."""
    col, row = int(np.floor(x)), int(np.floor(y))
    u, v = x - col, y - row
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    top = _random(col, row, seed) * (1 - u) + _random(col + 1, row, seed) * u
    bottom = _random(col, row + 1, seed) * (1 - u) + _random(col + 1, row + 1, seed) * u
    return top * (1 - v) + bottom * v - F(0.5)


@njit(cache=True)
def _block(x, y, block):
    """Find the block of a place: its column and row, its middle, and how far the next border is."""
    best, second, col, row = F(1e30), F(1e30), 0, 0
    middle_x = middle_y = F(0)
    here_col, here_row = int(np.floor(x / block)), int(np.floor(y / block))
    for j in range(here_row - 2, here_row + 3):
        for i in range(here_col - 2, here_col + 3):
            px = (i + F(0.5) + F(0.8) * (_random(i, j, 2) - F(0.5))) * block
            py = (j + F(0.5) + F(0.8) * (_random(i, j, 3) - F(0.5))) * block
            away = (x - px) * (x - px) + (y - py) * (y - py)
            if away < best:
                best, second, col, row, middle_x, middle_y = away, best, i, j, px, py
            elif away < second:
                second = away
    return col, row, middle_x, middle_y, np.sqrt(second) - np.sqrt(best)


@njit(cache=True)
def _draw(labels, side):
    height, width = labels.shape
    block, road = F(3.6 * side), F(max(2.0, 0.06 * side))
    long, blocks = F(0.6) * block, int(width / block) + 3
    for row in range(height):
        for col in range(width):
            x, y = F(col), F(row)
            east = x + block * F(0.25) * _wave(x / long, y / long, 12)
            east += ROUGH * _wave(x / 4, y / 4, 14)
            south = y + block * F(0.25) * _wave(x / long, y / long, 13)
            south += ROUGH * _wave(x / 4, y / 4, 15)
            i, j, middle_x, middle_y, to_border = _block(east, south, block)
            if to_border < road:
                continue
            angle, number = _random(i, j, 4) * F(np.pi), (j + 2) * blocks + i + 2
            across = (east - middle_x) * np.cos(angle) + (south - middle_y) * np.sin(angle)
            along = (south - middle_y) * np.cos(angle) - (east - middle_x) * np.sin(angle)
            strip = int(np.floor(across / (F(0.78 * side) * (F(0.6) + F(0.8) * _random(i, j, 5)))))
            length = F(1.75 * side) * (F(0.5) + _random(strip, number, 6))
            part = int(np.floor(along / length + _random(strip, number, 7)))
            labels[row, col] = number * 256 + (strip & 15) * 16 + (part & 15) + 1


def rough_map(height: int, width: int, side: float = 100 / 3) -> np.ndarray:
    """Draw a map; at the default side it has about 16 fields for every 100 x 100 pixels.

    Args:
        height, width: pixels.
        side: pixels; parcels grow with it.

    Returns:
        (height, width) int32, 0 on roads; a field's value may come back in a field far away.
    """
    labels = np.zeros((height, width), np.int32)
    _draw(labels, side)
    return labels


@njit(cache=True)
def _noise(x, y):
    """Give a smooth random value of -0.5 to 0.5 around a point."""
    col, row = int(np.floor(x)), int(np.floor(y))
    u, v = x - col, y - row
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    corners = np.empty(4)
    for k in range(4):
        seed = np.uint32((col + k % 2) * 73856093) ^ np.uint32((row + k // 2) * 19349663)
        seed = np.uint32((seed ^ (seed >> np.uint32(15))) * np.uint32(0x2C1B3C6D))
        seed = np.uint32((seed ^ (seed >> np.uint32(12))) * np.uint32(0x297A2D39))
        corners[k] = (seed ^ (seed >> np.uint32(15))) / 2**32 - 0.5
    top = corners[0] * (1 - u) + corners[1] * u
    return top * (1 - v) + (corners[2] * (1 - u) + corners[3] * u) * v


@njit(cache=True)
def _fields(labels, side):
    """Draw blocks of strip fields around jittered points; each field has a label of its own."""
    height, width = labels.shape
    block = side * 4
    blocks = int(width / block) + 3
    for row in range(height):
        for col in range(width):
            across, down = col / block, row / block
            x = col + 1.6 * _noise(col / 4, row / 4) + 0.3 * block * _noise(across, down)
            y = row + 1.6 * _noise(col / 4 + 99, row / 4) + 0.3 * block * _noise(down, across)
            here, best, second = 0, 1e30, 1e30
            middle_x = middle_y = 0.0
            for k in range(9):
                i, j = int(np.floor(x / block)) + k % 3 - 1, int(np.floor(y / block)) + k // 3 - 1
                px = (i + 0.5 + 0.7 * _noise(i * 7.31, j * 3.17)) * block
                py = (j + 0.5 + 0.7 * _noise(i * 2.77, j * 9.13)) * block
                away = (x - px) ** 2 + (y - py) ** 2
                if away < best:
                    here, second, best = (j + 1) * blocks + i + 1, best, away
                    middle_x, middle_y = px, py
                elif away < second:
                    second = away
            if np.sqrt(second) - np.sqrt(best) < 0.25 * side:
                continue
            angle = 6.3 * _noise(here * 1.7, 0.5)
            u = (x - middle_x) * np.cos(angle) + (y - middle_y) * np.sin(angle)
            v = (y - middle_y) * np.cos(angle) - (x - middle_x) * np.sin(angle)
            strip = int(np.floor(u / (0.7 * side)))
            part = int(np.floor(v / (1.5 * side) + _noise(strip * 1.3, here * 0.7)))
            labels[row, col] = here * 1024 + (strip & 31) * 32 + (part & 31) + 1


def field_map(size: int, count: int) -> np.ndarray:
    """Draw a square map of about `count` fields."""
    labels = np.zeros((size, size), np.int32)
    _fields(labels, size / count**0.5 * 0.93)
    return labels


def main() -> None:
    """Write a map."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", type=int, default=10000, help="pixels of a side")
    parser.add_argument("--side", type=float, default=100 / 3, help="pixels; parcels grow with it")
    given = parser.parse_args()
    labels = rough_map(given.size, given.size, given.side)
    profile = {"driver": "GTiff", "count": 1, "dtype": "int32", "nodata": 0, "compress": "deflate"}
    with rasterio.open(given.out, "w", height=given.size, width=given.size, **profile) as out:
        out.write(labels, 1)


if __name__ == "__main__":
    main()
