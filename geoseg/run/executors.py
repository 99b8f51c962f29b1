"""Do the shards of a plan: one after another here, or on the workers of a Dask cluster.

An executor takes a task (shard number -> what it made) that can be sent to another machine, and
tells what was done; results lie in the store, so next to nothing travels.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from geoseg.errors import GeosegError, OutputError, RasterError
from geoseg.run import stop
from geoseg.run.cluster import connected
from geoseg.run.shards import Shard

if TYPE_CHECKING:
    from distributed import Client

log = logging.getLogger(__name__)

Task = Callable[[int], dict[str, Any]]
"""Does the shard of a number, in whichever process it is called."""
Done = Callable[[Shard, dict[str, Any]], None]
"""Is told each shard that was done, and what its task said."""

ATTEMPTS = 3
"""Times that a shard is tried whose machine fails to read or to store."""
DEATHS = 10
"""Workers that may die under one shard before it is taken for the cause."""
AHEAD = 2
"""Shards per thread of the cluster that are handed out: one is worked on, one waits."""


def run_here(task: Task, shards: Sequence[Shard], done: Done) -> None:
    """Do shards one after another in this process."""
    for shard in shards:
        done(shard, task(shard.number))


def run_on_dask(
    task: Task, shards: Sequence[Shard], done: Done, *, address: str, gpus: int | None = None
) -> None:
    """Do shards on a Dask cluster; no more are handed out than its threads can take.

    A shard whose worker dies is done by another, and only that shard is lost.

    Args:
        task: what to do; sent to the workers.
        shards: in the order in which they are begun.
        done: called in this process, in the order in which shards end.
        address: of a scheduler, or local, or local:N for N processes of this machine.
        gpus: where shards need a GPU: number of them on this machine for local; a cluster's
            workers must offer the resource GPU.

    Raises:
        OptionError: Dask is not installed, or no scheduler answers.
        GeosegError: what a shard ended with.
    """
    with connected(address, gpus=gpus, deaths=DEATHS) as client:
        _Desk(client, task, {"GPU": 1} if gpus else None).serve(iter(shards), done)


class _Desk:
    """Hands shards out to a cluster and takes what comes back."""

    def __init__(self, client: Client, task: Task, resources: dict[str, int] | None) -> None:
        from distributed import as_completed

        self._client, self._task, self._resources = client, task, resources
        self._running = as_completed()
        self._owners: dict[Any, Shard] = {}
        self._tries: Counter[int] = Counter()

    def serve(self, waiting: Iterator[Shard], done: Done) -> None:
        """Have all shards done."""
        self._fill(waiting)
        for future in self._running:
            stop.check()
            shard = self._owners.pop(future.key)
            error = future.exception()
            if error is None:
                done(shard, future.result())
            elif _worth_another_try(error) and self._tries[shard.number] < ATTEMPTS:
                log.warning("shard %d is tried again: %s", shard.number, error)
                self._hand_out(shard)
            else:
                raise _said_plainly(error, shard)
            self._fill(waiting)

    def _fill(self, waiting: Iterator[Shard]) -> None:
        """Hand out what the threads can take."""
        room = AHEAD * max(1, sum(self._client.nthreads().values())) - len(self._owners)
        for _, shard in zip(range(room), waiting):  # in this order, or zip drops a shard
            self._hand_out(shard)

    def _hand_out(self, shard: Shard) -> None:
        self._tries[shard.number] += 1
        future = self._client.submit(
            self._task, shard.number, key=f"{shard.name}-{self._tries[shard.number]}", pure=False,
            priority=-shard.number, resources=self._resources,
        )
        self._owners[future.key] = shard
        self._running.add(future)


def _worth_another_try(error: BaseException) -> bool:
    """Tell failures of a machine from those that any machine would meet."""
    return isinstance(error, (OutputError, RasterError)) or (
        isinstance(error, OSError) and not isinstance(error, GeosegError)
    )


def _said_plainly(error: BaseException, shard: Shard) -> BaseException:
    """Turn Dask's own errors into ours; what geoseg raised on a worker stays as it is."""
    from distributed import KilledWorker
    from distributed.client import FutureCancelledError

    if isinstance(error, (KilledWorker, FutureCancelledError)):
        return OutputError(
            f"the workers that had shard {shard.number} died, {DEATHS} of them; they may have too "
            "little memory: use smaller tiles (--tile) or shards (--shard-rows)"
        )
    return error
