"""How many processors there are for this process: of the machine, its affinity, its container."""

from __future__ import annotations

import os
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Where Linux writes the share of a container: microseconds, and of how many (cgroup v2)."""


def usable_cpus(quota: Path = QUOTA) -> int:
    """Count the processors that the system lets this process use.

    Args:
        quota: file with the container's share.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        share, period = quota.read_text().split()
        return max(1, min(count, int(share) // int(period)))
    except (OSError, ValueError):  # no container, or no limit ("max")
        return count
