"""A page: title, sections, one style, one script; whatever is put in as text is escaped.

A *section* here is a heading and trusted HTML that the functions of this package made.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

POLICY = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
)
"""The browser itself refuses the network to a page."""


@dataclass(slots=True)
class Page:
    """A page that is being put together."""

    title: str
    """Plain text."""
    subtitle: str = ""
    """Plain text."""
    sections: list[tuple[str, str]] = field(default_factory=list)
    """Heading (plain text) and HTML."""
    scripts: tuple[str, ...] = ()
    """Names of this package's scripts."""

    def add(self, heading: str, body: str) -> None:
        """Put a section at the end."""
        self.sections.append((heading, body))

    def to_html(self) -> str:
        """Give the whole page."""
        style = _file("style.css")
        scripts = "".join(f"<script>{_file(name)}</script>" for name in self.scripts)
        body = "".join(
            f"<section><h2>{text(heading)}</h2>{body}</section>" for heading, body in self.sections
        )
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
            '<link rel="icon" href="data:,">'
            f"<title>{text(self.title)}</title><style>{style}</style></head><body>"
            f"<header><h1>{text(self.title)}</h1><p>{text(self.subtitle)}</p></header>"
            f"<main>{body}</main>{scripts}</body></html>\n"
        )


def text(value: Any) -> str:
    """Escape plain text for HTML, in attributes too."""
    return html.escape(str(value), quote=True)


def data(name: str, value: Any) -> str:
    """Give a block of JSON that a script reads; no text in it can end the block."""
    plain = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for one in "<>&\u2028\u2029":
        plain = plain.replace(one, f"\\u{ord(one):04x}")
    return f'<script type="application/json" id="{text(name)}">{plain}</script>'


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]], *, kind: str = "") -> str:
    """Give a table; the first column is a row's name, the others are numbers or text."""
    head = "".join(f"<th scope=col>{text(one)}</th>" for one in heads)
    lines = "".join(
        f"<tr><th scope=row>{text(row[0])}</th>"
        + "".join(f"<td>{text(one)}</td>" for one in row[1:]) + "</tr>"
        for row in rows
    )
    head = f"<thead><tr>{head}</tr></thead>" if heads else ""
    inner = f'<table class="{text(kind)}">{head}<tbody>{lines}</tbody></table>'
    return f'<div class="scroll">{inner}</div>'


def figure(caption: str, body: str) -> str:
    """Give HTML with a caption under it."""
    return f"<figure>{body}<figcaption>{text(caption)}</figcaption></figure>"


def picture(content: bytes, kind: str, alt: str) -> str:
    """Give an image that is in the page itself; kind is png or jpeg."""
    return f'<img alt="{text(alt)}" src="{data_url(content, kind)}">'


def data_url(content: bytes, kind: str) -> str:
    """Give the address of an image that holds the image."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _file(name: str) -> str:
    return resources.files("geoseg.pages").joinpath(name).read_text(encoding="utf-8")
