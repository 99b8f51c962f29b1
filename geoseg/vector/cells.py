"""Rows as cells in the leaf pages of an SQLite table, laid out as SQLite itself would.

A table is a b-tree by rowid. Its *leaf pages* hold *cells*, one a row: two varints, the size of the
record and the rowid, then the *payload*, which is the record. What is too long for a page goes on
in a chain of *overflow pages*.

Source: sqlite.org/fileformat2.html, section 1.6.
"""

from __future__ import annotations

from geoseg.kernels.compiled import helper, kernel
from geoseg.vector.records import (
    clear, copy, find_types, put, put_record, put_varint, varint_size,
)

HEADER = 8
"""Bytes of a leaf page before its cells' places."""
LEAF = 13
"""First byte of a leaf page."""
LOCK_BYTE = 1 << 30
"""The page with this byte of the file is never used."""
N_CELLS, START, LAST, NUMBER, USED, LEAVES = range(6)
"""State of a tree: cells in the open page, where they begin, and the rowid of the last; the number
of the last page that was given, bytes of `out` that are used, and leaf pages in it."""
N_STATES = 6
SPARE = 2
"""Pages that must be free in `out` beside a row's overflow pages: the open one and the lock's."""


@helper
def size_inside(payload, usable):
    """Give the bytes of a payload that stay in its cell."""
    most = usable - 35
    if payload <= most:
        return payload
    least = (usable - 12) * 32 // 255 - 23
    inside = least + (payload - least) % (usable - 4)
    return inside if inside <= most else least


@helper
def next_page(state, out, usable):
    """Give the place in `out` of the next page."""
    if state[NUMBER] == LOCK_BYTE // usable:
        clear(out, state[USED], usable)
        state[NUMBER] += 1
        state[USED] += usable
    state[NUMBER] += 1
    state[USED] += usable
    return state[USED] - usable


@helper
def put_overflow(payload, inside, record, page, at, out, state):
    """Write the end of a payload to overflow pages; their first number goes into the cell."""
    usable = len(page)
    linked, link = page, at
    while inside < payload:
        place = next_page(state, out, usable)
        put(linked, link, state[NUMBER], 4)
        size = min(usable - 4, payload - inside)
        put(out, place, 0, 4)
        copy(out, place + 4, record, inside, size)
        clear(out, place + 4 + size, usable - 4 - size)
        inside += size
        linked, link = out, place


@helper
def close_page(page, state, out, leaves):
    """Hand the open page over, and begin another."""
    place = next_page(state, out, len(page))
    copy(out, place, page, 0, len(page))
    leaves[state[LEAVES], 0] = state[NUMBER]
    leaves[state[LEAVES], 1] = state[LAST]
    state[LEAVES] += 1
    clear(page, 1, len(page) - 1)
    state[N_CELLS], state[START] = 0, len(page)


@kernel
def pack(ids, first, rows, serials, record, page, out, leaves, state):
    """Lay rows into leaf pages, as many as `out` has room for; give where to go on.

    Args:
        ids: (n,) int64, rising rowids above 0.
        first: row to begin with.
        rows: their values.
        serials: (k,) scratch.
        record: scratch for the longest payload that has overflow pages.
        page: the open page.
        out: finished pages.
        leaves: (m, 2), number and last rowid of each leaf page in `out`.
        state: see N_CELLS.
    """
    usable = len(page)
    for row in range(first, len(ids)):
        header, payload = find_types(row, rows, serials)
        inside = size_inside(payload, usable)
        link = 4 if inside < payload else 0
        sizes = varint_size(payload) + varint_size(ids[row])
        beyond = (payload - inside + usable - 5) // (usable - 4)
        if state[USED] + (beyond + SPARE) * usable > len(out):
            return row
        if HEADER + 2 * state[N_CELLS] + 2 + sizes + inside + link > state[START]:
            close_page(page, state, out, leaves)
        start = state[START] - sizes - inside - link
        at = put_varint(page, put_varint(page, start, payload), ids[row])
        target, place = (page, at) if link == 0 else (record, 0)
        put_record(target, place, row, rows, serials, header)
        if link > 0:
            copy(page, at, record, 0, inside)
            put_overflow(payload, inside, record, page, at + inside, out, state)
        put(page, HEADER + 2 * state[N_CELLS], start, 2)
        state[N_CELLS] += 1
        state[START], state[LAST] = start, ids[row]
        put(page, 3, state[N_CELLS], 2)
        put(page, 5, start & 65535, 2)
    return len(ids)
