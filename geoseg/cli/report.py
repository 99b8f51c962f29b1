"""Show progress, log lines and results: bars for people, JSON lines for programs."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

Event = dict[str, Any]

SECONDS_BETWEEN = 0.2
"""A bar or a JSON line is not renewed more often than this."""


@contextmanager
def reporting(mode: str) -> Iterator[Callable[[Event], None]]:
    """Give the function that takes a tool's events; close the bar at the end.

    Args:
        mode: auto (a bar on a terminal, else nothing), bar, json or none.
    """
    if mode == "json":
        json_log()
        yield _throttled(_write_json)
    elif mode == "bar" or (mode == "auto" and sys.stderr.isatty()):
        bar = _Bar()
        log_lines_after(bar)
        try:
            yield _throttled(bar.show)
        finally:
            bar.close()
    else:
        yield lambda event: None


def result(values: Event, text: str, *, mode: str, as_json: bool) -> None:
    """Show a command's result: on stdout, and as an event in JSON mode."""
    if mode == "json":
        _write_json({"event": "result", **values})
    click.echo(json.dumps(values) if as_json else text)


def made_line(count: int, noun: str, made: Any) -> str:
    """Say what a command made, in one line.

    Args:
        count: how many.
        noun: what, in the plural.
        made: with `path` and `report`.
    """
    what = noun if count != 1 else noun.removesuffix("s")
    return f"{count} {what} in {made.report['seconds']:.1f} s -> {made.path}"


def error(message: str, code: int) -> None:
    """Show the one line that says what went wrong."""
    if any(isinstance(handler, _JsonHandler) for handler in logging.getLogger().handlers):
        _write_json({"event": "error", "message": message, "code": code})
    else:
        click.echo(f"geoseg: {message}", err=True)


def set_up_log(level: int) -> None:
    """Send log lines to stderr: INFO is stages and warnings, DEBUG numbers too, ERROR no more."""
    handler = _LineHandler()
    handler.setFormatter(_LineFormatter())
    logging.basicConfig(level=logging.ERROR, handlers=[handler], force=True)
    logging.getLogger("geoseg").setLevel(level)


def json_log() -> None:
    """Send every log line as an event from now on."""
    logging.getLogger().handlers[:] = [_JsonHandler()]


def log_lines_after(bar: _Bar) -> None:
    """Let a log line begin on a line of its own, not behind the bar."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _LineHandler):
            handler.bar = bar


class _LineHandler(logging.StreamHandler):
    bar: _Bar | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if self.bar is not None:
            self.bar.close()
        super().emit(record)


class _LineFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        mark = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        return f"{mark}{record.getMessage()}"


class _JsonHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        kind = "warning" if record.levelno >= logging.WARNING else "log"
        _write_json({"event": kind, "message": record.getMessage()})


def _write_json(event: Event) -> None:
    sys.stderr.write(json.dumps(event) + "\n")
    sys.stderr.flush()


def _throttled(show: Callable[[Event], None]) -> Callable[[Event], None]:
    last = {"stage": "", "time": 0.0}

    def take(event: Event) -> None:
        now = time.monotonic()
        is_step = event["event"] == "progress"
        same = is_step and event["stage"] == last["stage"] and event["done"] < event["total"]
        if same and now - last["time"] < SECONDS_BETWEEN:
            return
        if is_step:
            last.update(stage=event["stage"], time=now)
        show(event)

    return take


class _Bar:
    """One line on the terminal per stage."""

    WIDTH = 30

    def __init__(self) -> None:
        self.stage, self.started, self.open = "", 0.0, False

    def show(self, event: Event) -> None:
        if event["event"] != "progress":
            return
        if event["stage"] != self.stage:
            self.close()
            self.stage, self.started = event["stage"], time.monotonic()
        done, total = event["done"], max(1, event["total"])
        full = self.WIDTH * done // total
        seconds = time.monotonic() - self.started
        left = f"{seconds * (total - done) / done:4.0f} s left" if done else ""
        text = f"{seconds:4.1f} s" if done == total else left
        line = f"\r{self.stage:14} [{'#' * full}{'.' * (self.WIDTH - full)}] {text:12}"
        click.echo(line, nl=False, err=True)
        self.open = True

    def close(self) -> None:
        if self.open:
            click.echo("", err=True)
        self.open = False
