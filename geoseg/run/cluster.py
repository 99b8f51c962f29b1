"""Reach a Dask cluster: a scheduler that runs somewhere, or processes of this machine."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from geoseg.cpus import usable_cpus
from geoseg.errors import OptionError, install_with

if TYPE_CHECKING:
    from distributed import Client

SECONDS = 20
"""How long a scheduler is waited for."""


@contextmanager
def connected(address: str, *, gpus: int | None, deaths: int) -> Iterator[Client]:
    """Give a client of a cluster; a local one ends with the block.

    Args:
        address: of a scheduler, or local, or local:N for N processes of this machine.
        gpus: of this machine, one for each process of a local cluster; None: CPUs only.
        deaths: workers that may die under one task before it is taken for the cause.

    Raises:
        OptionError: Dask is not installed, or no scheduler answers.
    """
    try:
        import dask
        from distributed import Client
    except ImportError as error:
        raise OptionError(f"--dask needs Dask: {install_with('dask')}") from error
    local = re.fullmatch(r"local(?::([1-9]\d*))?", address)
    with ExitStack() as stack:
        settings = {
            "distributed.scheduler.allowed-failures": deaths,
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
