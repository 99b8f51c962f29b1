"""Read what the engine says while it runs: one JSON object per line; other lines are log lines."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable

LONGEST_LINE = 1 << 16
"""Bytes; a longer line is cut, so that output without line ends cannot fill the memory."""
TAIL = 20
"""How many of the last log lines are shown where the engine fails."""
LINES_PER_POLL = 20
"""More log lines than this in one poll are counted, not shown: they would freeze the window."""
WEIGHTS = {
    "predict": 80.0, "find parcels": 12.0, "draw parcels": 8.0, "draw polygons": 100.0,
    "train": 100.0,
}
"""Share of the time that each stage takes, in the order in which they run; measured on CPU."""


class Lines:
    """Cut a stream of bytes into lines, at any chunk borders and in any encoding."""

    def __init__(self) -> None:
        """Begin with no bytes."""
        self.rest = b""

    def take(self, data: bytes, *, last: bool = False) -> list:
        """Give the lines that are whole now; `last` gives the unfinished one too."""
        *whole, self.rest = (self.rest + data).split(b"\n")
        if last or len(self.rest) > LONGEST_LINE:
            whole, self.rest = [*whole, self.rest], b""
        texts = (line[:LONGEST_LINE].decode("utf-8", "replace").rstrip("\r") for line in whole)
        return [text for text in texts if text]


def parse(line: str) -> dict:
    """Give the event of a line; a line that is not one becomes a log event."""
    if line.startswith("{"):
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if isinstance(event, dict) and isinstance(event.get("event"), str):
            return event
    return {"event": "noise", "message": line}


class Conversation:
    """Turn the engine's lines into QGIS's progress bar and log, and keep what it ended with."""

    def __init__(
        self, feedback, stages: tuple = tuple(WEIGHTS), clock: Callable = time.monotonic
    ) -> None:
        """Take QGIS's feedback and the stages that this command goes through."""
        self.feedback, self.clock = feedback, clock
        self.weights = {name: WEIGHTS[name] for name in stages}
        self.result: dict = {}
        self.error = ""
        self.tail: deque = deque(maxlen=TAIL)
        self.stage, self.started = "", clock()

    def take(self, lines: list) -> None:
        """Take the lines of one poll."""
        waiting, left_out = [], 0
        for event in map(parse, lines):
            if event["event"] not in ("log", "noise"):
                self._take(event)
                continue
            text = str(event.get("message", ""))
            self.tail.append(text)
            if len(waiting) < LINES_PER_POLL:
                waiting.append(text)
            else:
                left_out += 1
        if left_out:
            waiting.append(f"(and {left_out} more lines)")
        if waiting:
            self.feedback.pushConsoleInfo("\n".join(waiting))

    def _take(self, event: dict) -> None:
        kind, message = event["event"], str(event.get("message", ""))
        if kind == "progress":
            self._progress(event)
        elif kind == "warning":
            self.feedback.pushWarning(message)
        elif kind == "error":
            self.error = message
        elif kind == "result":
            self.result = event
        elif kind == "plan":
            self.feedback.pushInfo(describe_plan(event))

    def _progress(self, event: dict) -> None:
        try:
            stage, done, total = str(event["stage"]), float(event["done"]), float(event["total"])
        except (KeyError, TypeError, ValueError):
            return
        now = self.clock()
        if stage != self.stage:
            self.stage, self.started = stage, now
        share = min(1.0, done / total) if total > 0 else 1.0
        self.feedback.setProgress(overall(self.weights, stage, share))
        left = time_left(now - self.started, share)
        self.feedback.setProgressText(f"{stage}: {share:.0%}{left}")


def overall(weights: dict, stage: str, share: float) -> float:
    """Give the percentage of the whole run at a share of a stage."""
    total = sum(weights.values()) or 1.0
    before = 0.0
    for name, weight in weights.items():
        if name == stage:
            return 100.0 * (before + weight * share) / total
        before += weight
    return 100.0 * share


def time_left(seconds: float, share: float) -> str:
    """Say how long a stage still takes; nothing before it can be known.

    >>> time_left(60.0, 0.25)
    ', 3 min left'
    """
    if share <= 0.01 or share >= 1.0 or seconds < 2.0:
        return ""
    left = seconds * (1.0 - share) / share
    return f", {left / 60:.0f} min left" if left >= 90 else f", {left:.0f} s left"


def describe_plan(plan: dict) -> str:
    """Say the plan in one line."""
    try:
        return (
            f"{plan['width']} x {plan['height']} pixels in {plan['tiles']} tiles, "
            f"on {plan['device']}; at most {plan['memory_bytes'] / 2**20:.0f} MiB of memory and "
            f"{plan['disk_bytes'] / 2**20:.0f} MiB of scratch space"
        )
    except (KeyError, TypeError):
        return "plan: " + json.dumps(plan)
