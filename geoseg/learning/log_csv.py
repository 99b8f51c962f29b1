"""The log of a training: `log.csv`, one line per validation."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from geoseg.publish import publish_bytes

if TYPE_CHECKING:  # who reads a log needs no torch
    from geoseg.learning.job import State
    from geoseg.learning.validation import Validation
    from geoseg.learning.watch import Alarm

LOG = "log.csv"
"""Its name, in the folder of the run."""


def logged(path: Path) -> list[dict[str, str]]:
    """Read the lines of `log.csv`; none where there is no such file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as lines:
        return [one for one in csv.DictReader(lines) if (one.get("step") or "").isdigit()]


def record(
    folder: Path, state: State, seen: Validation, value: float, alarms: Sequence[Alarm],
    *, kept: bool,
) -> None:
    """Add a line to `log.csv`; lines that a killed run wrote after its last state go."""
    row = {"step": state.step, "seconds": round(state.seconds, 1), "train_loss": round(value, 4)}
    row |= {name: round(one, 4) for name, one in seen.scores().items()} | {"kept": int(kept)}
    row["alarms"] = " ".join(alarm.name for alarm in alarms)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOG
    rows = [one for one in logged(path) if int(one["step"]) < state.step] + [row]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(row), extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    publish_bytes(path, text.getvalue().encode())
