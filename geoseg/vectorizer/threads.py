"""Do independent parts of the work in threads; what comes out does not depend on their number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import numpy as np

PARTS = 4
"""Parts per thread: they are never quite equal."""
Result = TypeVar("Result")


def even_parts(offsets: np.ndarray, threads: int) -> list[tuple[int, int]]:
    """Cut the items of a ragged array into parts of about equal content.

    Args:
        offsets: (items + 1,) int64, start of each item.
        threads: that will share them.

    Returns:
        First item of each part, and one past its last; no part is empty.

    >>> even_parts(np.array([0, 1, 2, 9]), 1)
    [(0, 3)]
    """
    if threads == 1:
        return [(0, len(offsets) - 1)] if len(offsets) > 1 else []
    count = PARTS * threads
    wanted = np.linspace(offsets[0], offsets[-1], count + 1)[1:-1]
    cuts = np.unique([0, *np.searchsorted(offsets, wanted), len(offsets) - 1]).tolist()
    return list(zip(cuts[:-1], cuts[1:]))


@contextmanager
def workers(threads: int) -> Iterator[Executor | None]:
    """Give what runs jobs in so many threads; None for one, which needs no other."""
    if threads == 1:
        yield None
        return
    with ThreadPoolExecutor(threads) as pool:
        yield pool


def spread(
    job: Callable[..., Result], parts: Sequence[tuple[int, ...]], pool: Executor | None
) -> list[Result]:
    """Run a job on all parts; give the results in the order of the parts."""
    if pool is None or len(parts) < 2:
        return [job(*part) for part in parts]
    return list(pool.map(lambda part: job(*part), parts))


def join_offsets(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Put ragged arrays behind each other: give the offsets of the whole.

    >>> join_offsets([np.array([0, 2]), np.array([0, 1, 5])]).tolist()
    [0, 2, 3, 7]
    """
    starts = np.cumsum([0] + [one[-1] for one in parts])
    moved = [one[1:] + start for one, start in zip(parts, starts, strict=False)]
    return np.concatenate([np.zeros(1, np.int64), *moved])
