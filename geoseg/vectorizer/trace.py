"""Find the corners where borders bend or meet, between rows of runs.

Only these corners are kept, so the work is in the borders and not in the pixels. Directions are
0 east, 1 south, 2 west, 3 north; rows go down.
"""

from __future__ import annotations

from geoseg.vectorizer.compiled import helper, kernel

X, Y, FLAGS, UP, DOWN, NW, NE, SW, SE, DX, DY = range(11)
"""Columns of a corner table (int32).

Place, edges, vertical neighbours, the four regions around it, and where it is drawn: that many
UNITS right and down of its place.
"""
UNITS = 8
"""Lines are drawn on a lattice of this many points per pixel, so that all is in whole numbers."""
NORTH, SOUTH, WEST, EAST, NODE = 1, 2, 4, 8, 16
"""Bits of FLAGS: an edge leaves that way; an arc ends here."""


@helper
def _flags(north, south, west, east, on_edge):
    flags = NORTH * north + SOUTH * south + WEST * west + EAST * east
    if north + south + west + east > 2 or on_edge:
        flags += NODE
    return flags


@kernel
def renumber(corners, drop, places):
    """Follow regions to their new numbers, and corners to their new rows.

    Args:
        corners: corner table, changed; its first `drop` rows are gone already.
        drop: see there.
        places: (regions + 1,) int32, new number of every region; the last is for -1.
    """
    for corner in range(len(corners)):
        for link in (UP, DOWN):
            corners[corner, link] = max(corners[corner, link] - drop, -1)
        for side in (NW, NE, SW, SE):
            region = corners[corner, side]
            corners[corner, side] = places[region] if region >= 0 else -1


@kernel
def find_corners(offsets, starts, regions, first_row, height, last, corners, n):
    """Write the corners between consecutive rows, in row-major order, and link them up and down.

    Args:
        offsets, starts, regions: runs; the first row is the one above.
        first_row: row of the raster of the second row of the runs.
        height: rows of the raster.
        last: (width + 1,) int32, for each column the corner that its open vertical edge comes from.
        corners: (n + room, 11) int32, corner table; rows from n on are written.
        n: corners that there are already.

    Returns:
        The number of corners.
    """
    width = len(last) - 1
    for row in range(1, len(offsets) - 1):
        above, below = offsets[row - 1], offsets[row]
        above_stop, below_stop = offsets[row], offsets[row + 1]
        y = first_row + row - 1
        north_east = south_east = 0
        while above < above_stop or below < below_stop:
            x = width if above == above_stop else starts[above]
            x = x if below == below_stop else min(x, starts[below])
            north = above < above_stop and starts[above] == x
            south = below < below_stop and starts[below] == x
            north_west, south_west = north_east, south_east
            if north:
                north_east = regions[above]
                above += 1
            if south:
                south_east = regions[below]
                below += 1
            west, east = north_west != south_west, north_east != south_east
            if north and south and not west and not east:
                continue
            on_edge = (x == 0 or x == width) and (y == 0 or y == height)
            corners[n, X], corners[n, Y] = x, y
            corners[n, UP], corners[n, DOWN] = -1, -1
            corners[n, DX], corners[n, DY] = 0, 0
            corners[n, FLAGS] = _flags(north, south, west, east, on_edge)
            corners[n, NW], corners[n, NE] = north_west, north_east
            corners[n, SW], corners[n, SE] = south_west, south_east
            if north:
                corners[n, UP] = last[x]
                if last[x] >= 0:
                    corners[last[x], DOWN] = n
            if south:
                last[x] = n
            n += 1
    return n
