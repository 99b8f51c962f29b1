"""The log of a training: `log.csv`, one line per validation."""

from __future__ import annotations

import csv
from pathlib import Path

LOG = "log.csv"
"""Its name, in the folder of the run."""


def logged(path: Path) -> list[dict[str, str]]:
    """Read the lines of `log.csv`; none where there is no such file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as lines:
        return [one for one in csv.DictReader(lines) if (one.get("step") or "").isdigit()]
