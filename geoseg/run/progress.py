"""How a long job tells where it is: one callable, three kinds of events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Progress = Callable[[dict[str, Any]], None]
"""Takes one event: {"event": "plan"|"progress"|..., ...}, as in the progress protocol."""


def silent(event: dict[str, Any]) -> None:
    """Ignore an event."""


def stage(progress: Progress, name: str, total: int) -> Callable[[int], None]:
    """Give a function that counts steps of a stage and reports each as an event.

    Args:
        progress: where events go.
        name: of the stage, for people.
        total: steps of the stage.
    """
    done = 0

    def step(n: int = 1) -> None:
        nonlocal done
        done = min(total, done + n)
        progress({"event": "progress", "stage": name, "done": done, "total": total})

    step(0)
    return step
