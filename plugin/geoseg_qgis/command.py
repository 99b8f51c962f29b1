"""Command lines of geoseg: options from values, and text to copy into a terminal."""

from __future__ import annotations

from .engine import quoted

PROGRESS = ("--progress", "json")
"""Asks the engine for JSON lines; left out of the text to copy."""


def option(name: str, value) -> list:
    """Give an option and its value; nothing where the value is None.

    >>> option("--min-area", 250.0)
    ['--min-area', '250']
    """
    if value is None:
        return []
    return [name, text_of(value)]


def text_of(value) -> str:
    """Write a value as the command line wants it: no exponent, no trailing zeros."""
    if isinstance(value, (list, tuple)):
        return ",".join(text_of(one) for one in value)
    if isinstance(value, float):
        text = f"{value:.12f}".rstrip("0").rstrip(".")
        return text if text not in ("", "-0") else "0"
    return str(value)


def full_command(engine_command: tuple, arguments: list) -> tuple:
    """Give what is run: it ends when its standard input closes."""
    return (*engine_command, "--until-eof", *arguments)


def text_to_copy(arguments: list, replaced: dict) -> str:
    """Give the command line that does the same in a terminal.

    Args:
        arguments: what the engine got.
        replaced: temporary paths, and what the reader knows in their place.
    """
    words = [replaced.get(word, word) for word in arguments if word not in PROGRESS]
    return " ".join(["geoseg", *map(quoted, words)])
