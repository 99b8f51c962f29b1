"""A scene, or several, as independent shards: whole rows of tiles, known before any work.

A *shard* is what one machine does at once: the probabilities of some rows, and the basins of
all rows whose surroundings are among them. Its object's name holds the hash of all that decides
its bytes, so what another plan left in the store is never taken for it.

>>> cut_rows(10, core=2, rows=4)
[(0, 4), (4, 8), (8, 10)]
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from geoseg.errors import OptionError
from geoseg.run.store import Store

PLAN = "plan.json"
"""Name of the plan in the store."""
VERSION = 1
"""Of the plan's format."""
SHARD_PIXELS = 1 << 25
"""Pixels of a shard where the user did not choose: a minute on a core, about 20 MB."""


@dataclass(frozen=True, slots=True)
class Mosaic:
    """Scenes that are predicted as one raster, and what its shards depend on."""

    name: str
    """For file names; empty where the job has only one."""
    scenes: tuple[str, ...]
    """Paths; where they overlap the first one that has data wins."""
    facts: dict[str, Any]
    """What the shards' bytes depend on."""
    provenance: dict[str, Any]
    """What the result says of itself."""
    rows: tuple[tuple[int, int], ...]
    """First row, and one past the last, of each shard."""
    width: int
    """Pixels per row."""

    @property
    def digest(self) -> str:
        """Hash of what the shards' bytes depend on."""
        return hashlib.sha256(json.dumps(self.facts, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Shard:
    """One piece of work."""

    number: int
    """From 0, over all mosaics of the plan."""
    mosaic: Mosaic
    """Whose rows they are."""
    row_start: int
    """First row, a multiple of the core."""
    row_stop: int
    """One past the last."""

    @property
    def name(self) -> str:
        """Name of its object in the store."""
        return f"{self.mosaic.digest}-{self.row_start:08d}-{self.row_stop:08d}.shard"

    @property
    def pixels(self) -> int:
        """How many it predicts."""
        return (self.row_stop - self.row_start) * self.mosaic.width


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """All that machines must know of a job; it travels as JSON in the store."""

    mosaics: tuple[Mosaic, ...]
    """In the order of their outputs."""
    spec: str
    """The model's spec as JSON."""
    options: dict[str, Any]
    """Of prediction: fields of PredictOptions, with the tile that was chosen."""
    choice: dict[str, Any]
    """Of parcels: fields of LineChoice."""
    layer: str
    """Where parcels go."""
    crs: str | None
    """Of the one output that all mosaics go to; None: each to one of its own, in its own CRS."""

    @property
    def shards(self) -> tuple[Shard, ...]:
        """All shards in order."""
        all_rows = [(mosaic, *rows) for mosaic in self.mosaics for rows in mosaic.rows]
        return tuple(Shard(number, *rows) for number, rows in enumerate(all_rows))

    def shard(self, number: int) -> Shard:
        """Give one shard.

        Raises:
            OptionError: there is none of this number.
        """
        shards = self.shards
        if not 0 <= number < len(shards):
            raise OptionError(f"--shard is {number}, the plan has 0 to {len(shards) - 1}")
        return shards[number]

    def missing(self, store: Store) -> list[Shard]:
        """Give the shards that are not in the store."""
        here = store.names()
        return [shard for shard in self.shards if shard.name not in here]

    def save(self, store: Store) -> None:
        """Write the plan into the store."""
        store.put(PLAN, json.dumps({"geoseg plan": VERSION, **asdict(self)}, indent=1).encode())

    @classmethod
    def load(cls, store: Store) -> ShardPlan:
        """Read the plan of a store.

        Raises:
            OutputError: there is none.
            OptionError: it is not a plan, or a later version's.
        """
        try:
            values = json.loads(store.get(PLAN))
            if values.pop("geoseg plan") != VERSION:
                raise ValueError("of another version of geoseg")
            mosaics = tuple(_mosaic(one) for one in values.pop("mosaics"))
            return cls(mosaics=mosaics, **values)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise OptionError(f"{store}/{PLAN} is not a plan that can be read ({error})") from error


def cut_rows(height: int, *, core: int, rows: int) -> list[tuple[int, int]]:
    """Cut a height into shards of about `rows`, each of whole rows of cores."""
    step = max(1, round(rows / core)) * core
    return [(row, min(row + step, height)) for row in range(0, height, step)]


def _mosaic(values: Mapping[str, Any]) -> Mosaic:
    rows = tuple((start, stop) for start, stop in values["rows"])
    return Mosaic(**{**values, "rows": rows, "scenes": tuple(values["scenes"])})
