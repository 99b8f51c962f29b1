"""How a long job tells where it is: one callable that takes events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from geoseg.run import stop

Progress = Callable[[dict[str, Any]], None]
"""Takes one event: {"event": "plan"|"progress"|..., ...}, as in the progress protocol."""


def silent(event: dict[str, Any]) -> None:
    """Ignore an event."""


def stage(progress: Progress, name: str, total: int) -> Callable[[int], None]:
    """Give a function that counts steps of a stage and reports each as an event.

    A step is also where a run stops that was asked to.

    Args:
        progress: where events go.
        name: of the stage, for people.
        total: steps of the stage.
    """
    done = 0

    def step(n: int = 1) -> None:
        nonlocal done
        stop.check()
        done = min(total, done + n)
        progress({"event": "progress", "stage": name, "done": done, "total": total})

    step(0)
    return step
