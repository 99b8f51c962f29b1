"""What a virtual raster (VRT) may point to: files of this machine that are plain rasters.

A VRT is XML that names other files. GDAL would follow it to servers, to any file that is then
read as raw pixels, and into Python code inside it.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.parsers import expat

from geoseg.errors import RasterError

SAFE = {
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "GDAL_VRT_ENABLE_RAWRASTERBAND": "NO",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
}
"""GDAL's settings while a file of this machine is read: no code in it, no network from it."""
LONGEST_VRT = 64 << 20
"""Bytes of XML; a mosaic of 100,000 scenes has about 50 MB."""
DEEPEST = 4
"""VRTs in VRTs."""
SOURCES = ("sourcefilename", "sourcedataset")
"""Elements whose text is a file, in lower case."""
HEADS = {
    b"II*\x00": "TIFF", b"MM\x00*": "TIFF", b"II+\x00": "BigTIFF", b"MM\x00+": "BigTIFF",
    b"\x00\x00\x00\x0cjP": "JPEG 2000", b"\xffO\xffQ": "JPEG 2000", b"\xff\xd8\xff": "JPEG",
    b"\x89PNG": "PNG", b"RIFF": "WEBP", b"EHFA_HEADER": "Imagine", b"ncols": "ASCII grid",
}
"""First bytes of the files that a VRT may be made of."""


def check_vrt(path: Path, depth: int = 1) -> None:
    """Refuse a VRT that is more than a mosaic of raster files of this machine.

    Raises:
        RasterError: see the message.
    """
    if depth > DEEPEST:
        raise RasterError(f"{path} is a VRT in {depth - 1} others; use the inner one")
    if path.stat().st_size > LONGEST_VRT:
        raise RasterError(f"{path} has {path.stat().st_size >> 20} MiB of XML; split the mosaic")
    for source in sorted(set(_sources(path))):
        _check_source(path, source, depth)


def _sources(path: Path) -> list[tuple[str, bool]]:
    """Give the files that a VRT names, and whether each lies relative to it."""
    found: list[tuple[str, bool]] = []
    stack: list[tuple[str, bool]] = []
    text: list[str] = []

    def refuse(what: str) -> None:
        raise RasterError(
            f"{path} {what}, which geoseg does not follow; make a plain file of it: "
            f"gdal_translate {path.name} plain.tif"
        )

    def begin(name: str, attributes: dict[str, str]) -> None:
        lower = {key.lower(): value for key, value in attributes.items()}
        if "rawrasterband" in lower.get("subclass", "").lower():
            refuse("reads files as raw pixels")
        if name.lower() == "pixelfunctionlanguage":
            refuse("has code in it")
        stack.append((name, lower.get("relativetovrt", "0") == "1"))
        text.clear()

    def end(name: str) -> None:
        _, relative = stack.pop()
        if name.lower() in SOURCES:
            found.append(("".join(text).strip(), relative))
        text.clear()

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler = text.append
    parser.StartDoctypeDeclHandler = lambda *_: refuse("defines entities")
    try:
        parser.Parse(path.read_bytes(), True)
    except expat.ExpatError as error:
        raise RasterError(f"{path} is not a VRT that can be read ({error})") from error
    return found


def _check_source(path: Path, source: tuple[str, bool], depth: int) -> None:
    name, relative = source
    if "://" in name or name.startswith("/vsi") or re.match(r"[A-Za-z0-9_]{2,}:", name):
        raise RasterError(
            f"{path} points to {name[:80]!r}, which is no file of this machine; make a plain file "
            "of it, or give that name yourself"
        )
    file = path.parent / name if relative else Path(name)
    if not file.is_file():
        raise RasterError(f"{path} points to {str(file)[:200]!r}, which is not there")
    with file.open("rb") as opened:
        head = opened.read(4096)
    if b"<VRTDataset" in head:
        check_vrt(file, depth + 1)
    elif not head.startswith(tuple(HEADS)):
        kinds = ", ".join(dict.fromkeys(HEADS.values()))
        raise RasterError(f"{path} points to {str(file)[:200]!r}, which is none of {kinds}")
