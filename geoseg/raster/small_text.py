"""A small text that names rasters: a list of scenes or pairs, or a STAC item."""

from __future__ import annotations

import stat
from pathlib import Path

from geoseg.errors import RasterError

LONGEST = 16 << 20
"""Bytes; a list of 100,000 scenes has some millions, an item some thousands."""


def read_small_text(path: Path, what: str) -> str:
    """Read a text as a whole, but never wait for a FIFO or fill the memory.

    Args:
        path: the file.
        what: it should be, for the message.

    Raises:
        RasterError: it is no regular file, too large, or no UTF-8 text.
    """
    try:
        status = path.stat()
        is_file = stat.S_ISREG(status.st_mode)
        content = path.read_bytes() if is_file and status.st_size <= LONGEST else b""
    except OSError as error:
        raise RasterError(f"{path} cannot be read: {error.strerror}; check the path") from error
    if not is_file:
        raise RasterError(f"{path} is not a regular file, wanted {what}")
    if status.st_size > LONGEST:
        raise RasterError(f"{path} is larger than {LONGEST >> 20} MiB, wanted {what}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RasterError(f"{path} is not {what}: no UTF-8 text") from error
