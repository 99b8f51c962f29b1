"""Do the shards of a plan: one after another here, or on the workers of a Dask cluster.

An executor takes a task (shard number -> what it made) that can be sent to another machine, and
tells what was done; results lie in the store, so next to nothing travels.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from geoseg.cpus import usable_cpus
from geoseg.errors import GeosegError, OptionError, OutputError, RasterError, install_with
from geoseg.run import stop
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
SECONDS = 20
"""How long a scheduler is waited for."""


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
    with _connected(address, gpus) as client:
        from distributed import as_completed

        waiting = iter(shards)
        tries: dict[int, int] = {}
        owners: dict[Any, Shard] = {}
        running = as_completed()

        def hand_out(shard: Shard) -> None:
            tries[shard.number] = tries.get(shard.number, 0) + 1
            future = client.submit(
                task, shard.number, key=f"{shard.name}-{tries[shard.number]}", pure=False,
                priority=-shard.number, resources={"GPU": 1} if gpus else None,
            )
            owners[future.key] = shard
            running.add(future)

        def fill() -> None:
            room = AHEAD * max(1, sum(client.nthreads().values())) - len(owners)
            for _, shard in zip(range(room), waiting):  # in this order, or zip drops a shard
                hand_out(shard)

        fill()
        for future in running:
            stop.check()
            shard = owners.pop(future.key)
            error = future.exception()
            if error is None:
                done(shard, future.result())
            elif _worth_another_try(error) and tries[shard.number] < ATTEMPTS:
                log.warning("shard %d is tried again: %s", shard.number, error)
                hand_out(shard)
            else:
                raise _said_plainly(error, shard)
            fill()


@contextmanager
def _connected(address: str, gpus: int | None) -> Iterator[Client]:
    """Give a client of a cluster; a local one ends with the block."""
    try:
        import dask
        from distributed import Client
    except ImportError as error:
        raise OptionError(f"--dask needs Dask: {install_with('dask')}") from error
    local = re.fullmatch(r"local(?::([1-9]\d*))?", address)
    with ExitStack() as stack:
        settings = {
            "distributed.scheduler.allowed-failures": DEATHS,
            "distributed.comm.timeouts.connect": SECONDS,
            "distributed.nanny.pre-spawn-environ": {"DASK_LOGGING__DISTRIBUTED": "error"},
        }
        stack.enter_context(dask.config.set(settings))
        logging.getLogger("distributed").setLevel(logging.ERROR)
        if local is not None:
            count = gpus or int(local[1] or usable_cpus())
            address = stack.enter_context(_local_cluster(count, on_gpus=bool(gpus)))
        try:
            client = stack.enter_context(Client(address, timeout=SECONDS))
        except (OSError, ValueError) as error:
            raise OptionError(
                f"no Dask scheduler answers at {address} ({error}); give its address, such as "
                "tcp://host:8786, or local:4 for four processes of this machine"
            ) from error
        yield client


@contextmanager
def _local_cluster(count: int, *, on_gpus: bool) -> Iterator[Any]:
    """Start worker processes on this machine, each with a GPU of its own where wanted."""
    from distributed import Nanny, Scheduler, SpecCluster

    def worker(number: int) -> dict[str, Any]:
        # One thread of the network per worker: they share the cores.
        threads = str(max(1, usable_cpus() // count))
        env = {"OMP_NUM_THREADS": threads}
        options: dict[str, Any] = {"nthreads": 1, "memory_limit": 0, "dashboard": False}
        if on_gpus:
            env |= {"CUDA_VISIBLE_DEVICES": _visible(number)}
            options["resources"] = {"GPU": 1}
        return {"cls": Nanny, "options": options | {"env": env}}

    scheduler = {
        "cls": Scheduler,
        "options": {
            "host": "127.0.0.1", "dashboard": False, "dashboard_address": "127.0.0.1:0",
        },
    }
    workers = {number: worker(number) for number in range(count)}
    with SpecCluster(workers=workers, scheduler=scheduler) as cluster:
        yield cluster


def _visible(number: int) -> str:
    """Name a GPU as this process numbers it."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return given.split(",")[number] if given else str(number)


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
