"""Do independent parts of the work in threads; what comes out does not depend on their number."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import numpy as np

PARTS = 2
"""Parts per thread: they are never quite equal."""
Result = TypeVar("Result")


def even_parts(start: int, stop: int, threads: int) -> list[tuple[int, int]]:
    """Cut [start, stop) into parts of about equal length, none of them empty.

    >>> even_parts(2, 11, 1)
    [(2, 11)]
    """
    count = 1 if threads == 1 else PARTS * threads
    cuts = np.unique(np.linspace(start, stop, count + 1).astype(np.int64)).tolist()
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


def in_turn(
    jobs: Iterable[Callable[[], Result]], pool: Executor | None, ahead: int
) -> Iterator[Result]:
    """Run jobs as they come; give the results in the order of the jobs.

    With a pool, up to `ahead` jobs are begun, or done, while a result is made use of.
    """
    running: deque[Future[Result]] = deque()
    for job in jobs:
        if pool is None:
            yield job()
            continue
        running.append(pool.submit(job))
        if len(running) > ahead:
            yield running.popleft().result()
    while running:
        yield running.popleft().result()


def join_offsets(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Put ragged arrays behind each other: give the offsets of the whole.

    >>> join_offsets([np.array([0, 2]), np.array([0, 1, 5])]).tolist()
    [0, 2, 3, 7]
    """
    starts = np.cumsum([0] + [one[-1] for one in parts])
    moved = [one[1:] + start for one, start in zip(parts, starts, strict=False)]
    return np.concatenate([np.zeros(1, np.int64), *moved])
