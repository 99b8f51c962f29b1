"""Read what the engine says while it runs: one JSON object per line; other lines are log lines."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable

LONGEST_LINE = 1 << 20
"""Bytes; the rest of a longer line is dropped, so that no output can fill the memory."""
LONGEST_TEXT = 1000
"""Letters of a log line that are shown."""
TAIL = 20
"""How many of the last log lines are shown where the engine fails."""
SECONDS_BETWEEN_TEXTS = 15.0
"""The log keeps every progress text, so one is said at the start of a stage and then this often."""
SECONDS_BETWEEN = 0.2
"""Log lines are shown together, this far apart: each alone would freeze the window."""
LINES_AT_ONCE = 20
"""More log lines than this at one time are counted, not shown."""
WEIGHTS = {
    "predict": 80.0, "find parcels": 12.0, "draw parcels": 8.0, "draw polygons": 100.0,
    "train": 100.0,
}
"""Share of the time that each stage takes, in the order in which they run; measured on CPU."""


class Lines:
    """Cut a stream of bytes into lines, at any chunk borders and in any encoding."""

    def __init__(self) -> None:
        """Begin with no bytes."""
        self.rest, self.dropping = b"", False

    def take(self, data: bytes, *, last: bool = False) -> list:
        """Give the lines that are whole now; `last` gives the unfinished one too."""
        *whole, rest = (self.rest + data).split(b"\n")
        if last:
            whole.append(rest)
            rest = b""
        if self.dropping and whole:
            whole, self.dropping = whole[1:], False
        if len(rest) > LONGEST_LINE and not self.dropping:
            whole.append(rest)
            self.dropping = True
        self.rest = b"" if self.dropping else rest
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
        self.stage, self.started, self.told = "", clock(), clock()
        self.waiting: list = []
        self.left_out, self.shown = 0, clock()

    def take(self, lines: list, *, last: bool = False) -> None:
        """Take lines; log lines among them are shown now and then, and at the end."""
        for event in map(parse, lines):
            if event["event"] in ("log", "noise"):
                self._log(str(event.get("message", ""))[:LONGEST_TEXT])
            else:
                self._take(event)
        now = self.clock()
        if last or now - self.shown >= SECONDS_BETWEEN:
            self._show(now)

    def _log(self, text: str) -> None:
        self.tail.append(text)
        if len(self.waiting) < LINES_AT_ONCE:
            self.waiting.append(text)
        else:
            self.left_out += 1

    def _show(self, now: float) -> None:
        if self.left_out:
            self.waiting.append(f"(and {self.left_out} more lines)")
        if self.waiting:
            self.feedback.pushConsoleInfo("\n".join(self.waiting))
        self.waiting, self.left_out, self.shown = [], 0, now

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

    def _progress(self, event: dict) -> None:
        try:
            stage, done, total = str(event["stage"]), float(event["done"]), float(event["total"])
        except (KeyError, TypeError, ValueError):
            return
        now = self.clock()
        share = min(1.0, done / total) if total > 0 else 1.0
        self.feedback.setProgress(overall(self.weights, stage, share))
        if stage != self.stage:
            self.stage, self.started, self.told = stage, now, now
            self._show(now)
            self.feedback.setProgressText(stage)
        elif now - self.told >= SECONDS_BETWEEN_TEXTS:
            self.told = now
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
