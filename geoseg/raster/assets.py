"""A STAC item as a scene: which of its files holds the pixels.

A *STAC item* is JSON that says where and when a scene was taken and names its files, the *assets*.
`item.json|asset=visual` names one of them; without a name it is the only one with pixels, or the
one that is for the eye, or the only one whose role is data.

Source: SpatioTemporal Asset Catalog 1.1.0, item specification; STAC best practices, asset roles.
"""

from __future__ import annotations

import json
import logging
import re
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from geoseg.errors import RasterError
from geoseg.raster.opening import is_raster
from geoseg.raster.small_text import LONGEST, read_small_text

log = logging.getLogger(__name__)

ASSET = "|asset="
"""Parts an item from the name of its asset."""
SUFFIXES = (".json", ".geojson")
"""Of items."""
NOT_SCENES = {"thumbnail", "overview", "metadata", "data-mask", "cloud", "snow-ice"}
"""Roles of images that are no scene."""
WEB = ("http", "https")
"""Schemes of items on the network."""
CLOUD = (*WEB, "s3", "gs", "az")
"""Schemes to which an item on the network may point; not to files of this machine."""
SECONDS = 30
"""For an answer of the network."""


def located(scene: str) -> str:
    """Give the raster that a name means: the asset of a STAC item, anything else as it is.

    An item is fetched only if its own address was typed, and an item of this machine is not
    followed to the network.

    Raises:
        RasterError: the item cannot be read, has no such asset or no clear one, or points where
            it may not.
    """
    item, _, asset = scene.partition(ASSET)
    if not (asset or _is_item(item)):
        return scene
    assets = _assets(item)
    name = asset or _choose(item, assets)
    if name not in assets:
        raise RasterError(f"{item} has no asset {name!r}; there are: {_names(assets)}")
    href = assets[name].get("href")
    if not isinstance(href, str) or not href:
        raise RasterError(f"the asset {name!r} of {item} has no href")
    path = _on_network(item, href) if "://" in item else _on_disk(item, href)
    log.info("%s: the scene is its asset %s, %s", item, name, path)
    return path


def _is_item(name: str) -> bool:
    path = PurePosixPath(urllib.parse.urlsplit(name).path if "://" in name else name)
    return path.suffix.lower() in SUFFIXES or ("://" in name and "/items/" in name and
                                               not is_raster(path))


def _assets(item: str) -> dict[str, Mapping[str, Any]]:
    """Read the assets of an item."""
    try:
        found = json.loads(_text(item))
    except (ValueError, RecursionError) as error:
        raise RasterError(f"{item} is not a STAC item that can be read: {error}") from error
    assets = found.get("assets") if isinstance(found, dict) else None
    if not isinstance(assets, dict) or not assets:
        kind = found.get("type", "JSON") if isinstance(found, dict) else "JSON"
        raise RasterError(
            f"{item} is a {str(kind)[:40]!r} without assets, wanted a STAC item of one scene"
        )
    return {str(name): one for name, one in assets.items() if isinstance(one, dict)}


def _text(item: str) -> str | bytes:
    return _fetched(item) if "://" in item else read_small_text(Path(item), "a STAC item")


def _fetched(url: str) -> bytes:
    if url.partition("://")[0].lower() not in WEB:
        raise RasterError(f"{url} is not fetched: an item is a file or {' or '.join(WEB)}")
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            text = answer.read(LONGEST + 1)
    except (OSError, ValueError) as error:
        raise RasterError(f"{url} cannot be fetched: {error}") from error
    if len(text) > LONGEST:
        raise RasterError(f"{url} is larger than {LONGEST >> 20} MiB: no STAC item")
    return text


def _choose(item: str, assets: Mapping[str, Mapping[str, Any]]) -> str:
    """Give the name of the asset that is the scene."""
    scenes = {name: one for name, one in assets.items() if _has_pixels(one)}
    if not scenes:
        raise RasterError(f"{item} has no asset with pixels; there are: {_names(assets)}")
    rules = (
        list(scenes),
        [name for name, one in scenes.items() if "visual" in _roles(one)],
        [name for name in scenes if name == "visual"],
        [name for name, one in scenes.items() if "data" in _roles(one)],
    )
    clear = next((names for names in rules if len(names) == 1), None)
    if clear is None:
        raise RasterError(
            f"{item} has {len(scenes)} assets with pixels: {_names(scenes)}; choose one, in "
            f"quotes: '{item}{ASSET}NAME'"
        )
    return clear[0]


def _has_pixels(asset: Mapping[str, Any]) -> bool:
    media, href = str(asset.get("type", "")), str(asset.get("href", ""))
    path = urllib.parse.urlsplit(href).path if "://" in href else href
    return (media.startswith("image/") or is_raster(path)) and not _roles(asset) & NOT_SCENES


def _roles(asset: Mapping[str, Any]) -> set[str]:
    roles = asset.get("roles")
    return {str(one) for one in roles} if isinstance(roles, list) else set()


def _names(assets: Mapping[str, Mapping[str, Any]]) -> str:
    """List assets with their roles, for a message."""
    named = [
        f"{name} ({', '.join(sorted(_roles(one)))})" if _roles(one) else name
        for name, one in assets.items()
    ]
    return " ".join(", ".join(named).split())[:800]


def _on_disk(item: str, href: str) -> str:
    local = urllib.parse.unquote(href[7:]) if href.startswith("file:///") else href
    if "://" in local or local.startswith("/vsi") or re.match(r"[A-Za-z0-9_]{2,}:", local):
        raise RasterError(
            f"{item} points to {local[:200]!r}, which is no file of this machine and is not "
            "fetched for an item that is one; if you trust it, give that address yourself"
        )
    return str(Path(item).parent / local)


def _on_network(item: str, href: str) -> str:
    full = urllib.parse.urljoin(item, href)
    if full.partition("://")[0].lower() not in CLOUD:
        raise RasterError(
            f"{item} points to {href[:200]!r}; an item on the network may point to "
            f"{', '.join(CLOUD)} only"
        )
    return full
