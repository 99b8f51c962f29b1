"""Counts of a comparison by block and group; tallies of tiles, scenes and machines add up.

A *block* is a square of ground: parcels in one block are alike, so chance is judged by drawing
blocks. A *group* is all parcels, those of one class, or those of one size class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoseg.evaluation.judge import Judged
from geoseg.evaluation.tables import ALL, Comparison

THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""IoU 0.5 to 0.95, as COCO has them."""
TOTAL = "all"
"""The group of all parcels."""
FIELDS = (
    "truth", "predicted", *(f"matched@{at:g}" for at in THRESHOLDS), "iou", "split", "merged",
    "ground_true", "ground_found", "ground_both", "oc", "uc", "tc", "weight", "polis",
    "area_true", "area_found", "perimeter_true", "perimeter_found", "band_either", "band_both",
    "length_true", "length_found",
)
"""What is counted; then `near_true@i` and `near_found@i` for each distance i."""


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Counts of one or more scenes."""

    groups: tuple[str, ...]
    """Names of the groups; the first is `all`."""
    fields: tuple[str, ...]
    """Names of the counts."""
    counts: NDArray[np.float64]
    """(blocks, groups, fields)."""

    def __add__(self, other: Tally) -> Tally:
        """Put scenes together; blocks of different scenes stay apart.

        Raises:
            ValueError: they were counted at other distances.
        """
        if self.fields != other.fields:
            raise ValueError("scenes that were judged at other distances cannot be added")
        groups = (*self.groups, *(one for one in other.groups if one not in self.groups))
        parts = [_widened(one, groups) for one in (self, other)]
        return Tally(groups, self.fields, np.concatenate(parts))

    def pooled(self, group: str = TOTAL) -> dict[str, float]:
        """Add the blocks of a group."""
        total = self.counts[:, self.groups.index(group)].sum(axis=0)
        return dict(zip(self.fields, total.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class SizeClass:
    """Parcels by area."""

    name: str
    """For people."""
    least: float
    """Smallest area in it, in squared units."""
    below: float
    """Smallest area above it."""


Block = Callable[[NDArray[np.float64]], NDArray[np.int64]]
"""Gives the number of the block of each of (n, 2) points."""


def tally(
    comparison: Comparison,
    judged: Judged,
    *,
    block: Block,
    kinds: tuple[str, ...] = (),
    sizes: tuple[SizeClass, ...] = (),
) -> Tally:
    """Count by block and group; O(parcels + overlaps) per group.

    Args:
        comparison: with parcels sorted by number.
        judged: of it.
        block: where parcels belong; a matched predicted parcel counts where its true one does.
        kinds: names of the classes by code; groups only where there are two or more.
        sizes: a matched predicted parcel is of its true one's size, others of their own.

    Source: Lin and others, Microsoft COCO, 2014, and pycocotools for sizes: what matches a true
    parcel of another size is no false one here.
    """
    counter = _Counter(comparison, judged, block)
    groups, tables = [TOTAL], [counter.table(*counter.everything())]
    if len(kinds) > 1:
        for name, code in sorted((name, code) for code, name in enumerate(kinds)):
            groups.append(f"class {name}")
            tables.append(counter.table(*counter.of_kind(code), kind=code))
    for size in sizes:
        groups.append(f"size {size.name}")
        tables.append(counter.table(*counter.of_size(size), kind=None))
    return Tally(tuple(groups), counter.fields, np.stack(tables, axis=1))


def _widened(one: Tally, groups: tuple[str, ...]) -> NDArray[np.float64]:
    out = np.zeros((len(one.counts), len(groups), len(one.fields)))
    out[:, [groups.index(name) for name in one.groups]] = one.counts
    return out


class _Counter:
    """Sums columns of a comparison by block."""

    def __init__(self, comparison: Comparison, judged: Judged, block: Block) -> None:
        self.truth, self.predicted = comparison.truth, comparison.predicted
        self.pairs, self.ground, self.judged = comparison.pairs, comparison.ground, judged
        places = (self.truth.place, self.predicted.place, self.ground.place)
        numbers = [block(place) for place in places]
        used, index = np.unique(np.concatenate(numbers), return_inverse=True)
        ends = np.cumsum([len(one) for one in numbers])
        self.n = max(1, len(used))
        self.at_truth, own, self.at_ground = np.split(index, ends[:-1])
        partner = judged.predicted_partner
        moved = self.at_truth[partner] if len(self.at_truth) else own
        self.at_predicted = np.where(partner >= 0, moved, own)
        k = self.truth.near.shape[1]
        self.fields = (
            *FIELDS, *(f"near_true@{i}" for i in range(k)), *(f"near_found@{i}" for i in range(k))
        )

    def everything(self) -> tuple[NDArray[np.bool_], ...]:
        """Choose all true parcels, all predicted ones, all overlaps."""
        return (
            np.ones(len(self.truth.number), np.bool_),
            np.ones(len(self.predicted.number), np.bool_),
            np.ones(len(self.pairs.common), np.bool_),
        )

    def of_kind(self, code: int) -> tuple[NDArray[np.bool_], ...]:
        """Choose parcels of a class, and overlaps of two of them."""
        true, found = self.truth.kind == code, self.predicted.kind == code
        judged = self.judged
        return true, found, true[judged.pair_truth] & found[judged.pair_predicted]

    def of_size(self, size: SizeClass) -> tuple[NDArray[np.bool_], ...]:
        """Choose parcels of a size."""
        true = (self.truth.area >= size.least) & (self.truth.area < size.below)
        found = (self.predicted.area >= size.least) & (self.predicted.area < size.below)
        partner = self.judged.predicted_partner
        matched = partner >= 0
        found[matched] = true[partner[matched]]
        return true, found, true[self.judged.pair_truth]

    def table(
        self, true: NDArray[np.bool_], found: NDArray[np.bool_], pair: NDArray[np.bool_],
        *, kind: int | None = ALL,
    ) -> NDArray[np.float64]:
        """Count chosen parcels and overlaps: (blocks, fields)."""
        columns = {
            **self._of_parcels(true, found),
            **self._of_overlaps(pair),
            **self._of_covering(found, pair),
            **self._of_ground(kind),
        }
        return np.column_stack([columns[name] for name in self.fields])

    def _of_parcels(
        self, true: NDArray[np.bool_], found: NDArray[np.bool_]
    ) -> dict[str, NDArray[np.float64]]:
        judged = self.judged
        true, found = true & judged.truth_counts, found & judged.predicted_counts
        t, p = self.truth, self.predicted
        columns = {
            "truth": self._on_truth(true), "predicted": self._on_predicted(found),
            "split": self._on_truth(true & judged.is_split),
            "merged": self._on_predicted(found & judged.is_merged),
            "length_true": self._on_truth(t.length * true),
            "length_found": self._on_predicted(p.length * found),
            "bands": self._on_truth(t.band * true) + self._on_predicted(p.band * found),
        }
        for i in range(t.near.shape[1]):
            columns[f"near_true@{i}"] = self._on_truth(t.near[:, i] * true)
            columns[f"near_found@{i}"] = self._on_predicted(p.near[:, i] * found)
        both = self._on_pairs(
            self.pairs.band * true[judged.pair_truth] * found[judged.pair_predicted]
        )
        return columns | {"band_both": both, "band_either": columns["bands"] - both}

    def _of_overlaps(self, pair: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
        judged, t, p = self.judged, self.truth, self.predicted
        hit = pair & judged.chosen
        at, near = judged.pair_truth, judged.pair_predicted
        return {
            **{
                f"matched@{least:g}": self._on_pairs(hit & (judged.iou > least))
                for least in THRESHOLDS
            },
            "iou": self._on_pairs(judged.iou * hit),
            "polis": self._on_pairs(np.where(hit, self.pairs.polis, 0)),
            "area_true": self._on_pairs(t.area[at] * hit),
            "area_found": self._on_pairs(p.area[near] * hit),
            "perimeter_true": self._on_pairs(t.length[at] * hit),
            "perimeter_found": self._on_pairs(p.length[near] * hit),
        }

    def _of_covering(
        self, found: NDArray[np.bool_], pair: NDArray[np.bool_]
    ) -> dict[str, NDArray[np.float64]]:
        """Weigh each predicted parcel's difference from the true one that it overlaps most."""
        judged, area = self.judged, self.predicted.area
        index = np.flatnonzero(pair)
        near, common = judged.pair_predicted[index], self.pairs.common[index]
        order = np.lexsort((judged.pair_truth[index], -common, near))
        first = order[np.flatnonzero(np.diff(near[order], prepend=-1))]
        largest, whole = np.zeros(len(area)), np.ones(len(area))
        largest[near[first]] = common[first]
        whole[near[first]] = self.truth.area[judged.pair_truth[index[first]]]
        weight = area * (found & judged.predicted_counts)
        oc = np.maximum(0, 1 - largest / whole)
        uc = np.maximum(0, 1 - largest / np.where(area > 0, area, 1))
        tc = np.sqrt((oc**2 + uc**2) / 2)
        named = {"oc": oc, "uc": uc, "tc": tc, "weight": np.ones(len(area))}
        return {name: self._on_predicted(value * weight) for name, value in named.items()}

    def _of_ground(self, kind: int | None) -> dict[str, NDArray[np.float64]]:
        here = self.ground.kind == kind if kind is not None else np.zeros(len(self.ground.kind))
        return {
            f"ground_{name}": np.bincount(
                self.at_ground, getattr(self.ground, name) * here, self.n
            )
            for name in ("true", "found", "both")
        }

    def _on_truth(self, values: NDArray) -> NDArray[np.float64]:
        return np.bincount(self.at_truth, values, self.n)

    def _on_predicted(self, values: NDArray) -> NDArray[np.float64]:
        return np.bincount(self.at_predicted, values, self.n)

    def _on_pairs(self, values: NDArray) -> NDArray[np.float64]:
        return np.bincount(self.at_truth[self.judged.pair_truth], values, self.n)
