"""Fetch a weights file whose checksum is known before; nothing else is taken from the network."""

from __future__ import annotations

import hashlib
import os
import re
import urllib.request
from pathlib import Path

from geoseg.cache import cache_folder
from geoseg.errors import ModelError

MOST_BYTES = 4 << 30
"""A file that is larger is not what was asked for."""
PIECE = 1 << 20
"""Bytes read at a time."""
SECONDS = 60
"""Of silence after which the server is given up."""
SCHEMES = ("https",)
"""What may be fetched; the checksum guards the content, this guards who sees the request."""


def fetched(place: str, folder: Path | None = None) -> Path:
    """Give a local file: the one named, or one fetched by URL#sha256=HEX and kept.

    Args:
        place: path, or URL with its checksum.
        folder: where fetched files are kept, by checksum; None is the user's cache.

    Raises:
        ModelError: there is no such file, the URL has no checksum or is not https, or the content
            has another checksum.
    """
    if "://" not in place:
        if not Path(place).is_file():
            raise ModelError(f"no weights file {place}")
        return Path(place)
    url, _, digest = place.partition("#sha256=")
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ModelError(f"{url} needs its checksum, so that it cannot change: {url}#sha256=HEX")
    if url.partition("://")[0] not in SCHEMES:
        raise ModelError(f"{url} is not fetched: only {', '.join(SCHEMES)}")
    folder = folder or cache_folder()
    kept = folder / f"{digest}{Path(url).suffix}"
    if not kept.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _download(url, digest, kept)
    return kept


def _download(url: str, digest: str, kept: Path) -> None:
    """Fetch to a partial file, check it, and give it its name."""
    partial = kept.with_name(f".{kept.name}.{os.getpid()}.partial")
    found, size = hashlib.sha256(), 0
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer, partial.open("wb") as file:
            while piece := answer.read(PIECE):
                size += len(piece)
                if size > MOST_BYTES:
                    raise ModelError(f"{url} is larger than {MOST_BYTES} bytes; refused")
                found.update(piece)
                file.write(piece)
        if found.hexdigest() != digest:
            raise ModelError(
                f"{url} has the checksum {found.hexdigest()}, wanted {digest}; not used"
            )
        os.replace(partial, kept)
    except OSError as error:
        raise ModelError(f"{url} cannot be fetched: {error}; give a local file") from error
    finally:
        partial.unlink(missing_ok=True)
