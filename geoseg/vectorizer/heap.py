"""A binary heap of whole numbers, in an array: the smallest item comes off first.

An item is a score, times 2**32, and what has it; of equal scores the smaller one comes first.
"""

from __future__ import annotations

from geoseg.kernels.compiled import helper

LOW_HALF = 0xFFFFFFFF
"""The part of an item that is not its score."""


@helper
def push(heap, size, item):
    """Add an item to a binary heap; give its new size."""
    place = size
    while place > 0 and heap[(place - 1) // 2] > item:
        heap[place] = heap[(place - 1) // 2]
        place = (place - 1) // 2
    heap[place] = item
    return size + 1


@helper
def pop(heap, size):
    """Take the smallest item off a binary heap; give it and the new size."""
    smallest, item, size = heap[0], heap[size - 1], size - 1
    place = 0
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= item:
            break
        heap[place] = heap[child]
        place = child
    heap[place] = item
    return smallest, size
