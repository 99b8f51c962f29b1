"""Say before any work what a run will do and need: tiles, device, memory, disk."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NoReturn

from geoseg.errors import MemoryBudgetError, OutputError
from geoseg.grid import GeoBox
from geoseg.spec import ModelSpec

MIB = 1 << 20
BASE_BYTES = 510 * MIB
"""Python with torch, GDAL and a network; measured 420 to 460 MiB."""
PARCEL_BASE_BYTES = 110 * MIB
"""The compiled kernels and vector libraries besides."""
STRIP_COPIES = 4.5
"""A strip of tiles, the next one as it is read and mirrored, and both joined; measured under 4."""
ACTIVATION_BYTES = 40
"""Bytes per pixel of a tile and filter of the first level; measured 32 (tile of 1216) to 42 (of
448, in part the base's) on the CPU, the holes of the allocator included."""
BLEND_BYTES = 12
"""Bytes per pixel of a strip and class while tiles are blended: sums, and blocks on their way."""
GPU_BASE_BYTES = 800 * MIB
"""A CUDA context with cuDNN; by its documentation, not measured here."""
GPU_LANES = 2
"""Batches on a GPU at a time, each with its own buffers."""
CORES = (2048, 1024, 512, 256)
"""Cores to choose from, largest first: a larger core wastes less on its halo."""
LARGEST_CORE = 1024
"""On the CPU a larger core gains under 5 % and doubles the memory."""
LABEL_BYTES = 40
"""Bytes per pixel of a strip while labels are made and traced; measured 34."""
LABEL_STRIP = 512
"""Most rows of a strip while labels are made and traced."""
LABEL_PIXELS = 5_000_000
"""Most pixels of such a strip, so that a wide scene takes no more memory than it must."""
NAME_BYTES = 10
"""Bytes per 100 pixels of the scene: four for each basin; measured 3.5 (docs/scale.md)."""
GRAPH_BYTES = 64 * MIB
"""A piece of the region graph of some 65,000 basins, or four times what a seam leaves open."""
SEAM_BYTES = 600
"""Bytes per column of the latter; measured half a region a column."""
SCRATCH_BYTES = 7
"""Disk per pixel while a run is under way: two probabilities, labels, and room."""
MASK_BYTES = 3
"""Disk per pixel and class while a mask is made: in the journal, and twice compressed with its
overviews."""
MASK_ROWS = 2 * 512
"""Rows that are kept while a mask is made: a strip, those of its overviews, and a part of both on
its way."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do and need, known before it starts."""

    width: int
    """Columns of the model's grid."""
    height: int
    """Rows of the model's grid."""
    core: int
    """Side of a core in pixels."""
    halo: int
    """Pixels around a core."""
    batch: int
    """Tiles per call of the network."""
    tiles: int
    """Tiles in all."""
    device: str
    """Where the network runs."""
    memory_bytes: int
    """Peak of main memory that is projected."""
    disk_bytes: int
    """Scratch space beside the output that is projected."""
    gpu_bytes: int = 0
    """Memory of the GPU that is projected; 0 on the CPU."""
    seconds: float | None = None
    """Time of the network for all tiles, as two tiles took; None where that was not tried."""

    def describe(self) -> str:
        """Say it in one line."""
        gpu = f", {self.gpu_bytes / MIB:.0f} MiB of the GPU's" if self.gpu_bytes else ""
        return (
            f"plan: {self.width} x {self.height} pixels in {self.tiles} "
            f"tile{'s' * (self.tiles != 1)} of {self.core} + 2 x {self.halo}, "
            f"batch {self.batch}, on {self.device}; at most "
            f"{self.memory_bytes / MIB:.0f} MiB of memory{gpu} and "
            f"{self.disk_bytes / MIB:.0f} MiB of scratch space{self._time()}"
        )

    def _time(self) -> str:
        if self.seconds is None:
            return ""
        if self.seconds < 100:
            return f"; about {self.seconds:.0f} s in the network"
        return f"; about {self.seconds / 60:.0f} min in the network"

    def timed(self, seconds_per_batch: float) -> Plan:
        """Give the plan with the time that it takes if every batch takes as long as one did."""
        batches = -(-self.tiles // self.batch)
        return replace(self, seconds=round(batches * seconds_per_batch, 1))

    def as_dict(self) -> dict[str, int | float | str | None]:
        """Give the fields, for the JSON progress protocol."""
        return asdict(self)


def make_plan(
    geobox: GeoBox,
    spec: ModelSpec,
    *,
    device: str,
    bytes_per_pixel: int,
    tile: int | None = None,
    batch: int | None = None,
    memory: int | None = None,
    parcels: bool = True,
    halo: int | None = None,
    activation_bytes: int | None = None,
) -> Plan:
    """Choose core and batch, and project what the run needs.

    Args:
        geobox: the scene on the model's grid.
        spec: the model.
        device: "cpu" or a CUDA device.
        bytes_per_pixel: bands times bytes of the raw dtype.
        tile: side of the core that the user asked for; rounded up to the model's grain. None to
            choose. Of no effect where the model takes one size only.
        batch: tiles per call; None to choose.
        memory: bytes that may be used; None for no limit.
        parcels: whether parcels are made too.
        halo: pixels around a core that the device is shown; None for the model's.
        activation_bytes: what the network works in, per pixel of a tile and filter of the first
            level; None for `ACTIVATION_BYTES`.

    Raises:
        MemoryBudgetError: no choice fits the memory.
    """
    batch = batch or (1 if device == "cpu" else 8)
    cores = [_round_up(tile, spec.grain)] if tile else _cores(geobox, spec, device)
    if spec.tile is not None:
        cores = [spec.tile - 2 * spec.halo]
    halo = spec.halo if halo is None else halo
    plans = [
        _plan(
            geobox, spec, core, halo, batch, device, bytes_per_pixel, parcels,
            activation_bytes or ACTIVATION_BYTES,
        )
        for core in cores
    ]
    fitting = [plan for plan in plans if memory is None or plan.memory_bytes <= memory]
    return fitting[0] if fitting else _refuse(plans, memory)


def _refuse(plans: list[Plan], memory: int | None) -> NoReturn:
    least = min(plan.memory_bytes for plan in plans)
    raise MemoryBudgetError(
        f"this scene needs at least {least / MIB:.0f} MiB with these options, --memory allows "
        f"{(memory or 0) / MIB:.0f} MiB; raise it, lower --batch, or cut the scene with --extent"
    )


def label_strip(width: int) -> int:
    """Choose the rows of a strip while labels are made and traced; the result is the same."""
    return max(32, min(LABEL_STRIP, LABEL_PIXELS // width))


def check_disk(plan: Plan, folder: Path, *, used: int = 0) -> None:
    """Refuse a run whose scratch files would fill the disk.

    Args:
        plan: of the run.
        folder: of the output.
        used: bytes of scratch files that are there already.

    Raises:
        OutputError: less is free than the plan needs.
    """
    free, need = shutil.disk_usage(folder).free, plan.disk_bytes - used
    if free < need:
        raise OutputError(
            f"{folder} has {free / MIB:.0f} MiB free, the run may need {need / MIB:.0f} MiB "
            "beside its output; make room or choose another disk"
        )


def _cores(geobox: GeoBox, spec: ModelSpec, device: str) -> list[int]:
    largest = LARGEST_CORE if device == "cpu" else CORES[0]
    # A blend reaches over twice the halo, from one tile into the next.
    least = 0 if spec.exact else _round_up(2 * spec.halo, spec.divisor)
    cores = [_even(core, geobox, spec.grain) for core in CORES if least <= core <= largest]
    return [max(least, core) for core in cores] or [least]


def _even(core: int, geobox: GeoBox, grain: int) -> int:
    """Make cores so much smaller that the last ones are as full as the others."""
    sides = (-(-side // -(-side // core)) for side in geobox.shape)
    return min(core, _round_up(max(sides), grain))


def _plan(
    geobox: GeoBox, spec: ModelSpec, core: int, halo: int, batch: int, device: str,
    bytes_per_pixel: int, parcels: bool, activation_bytes: int,
) -> Plan:
    rows, cols = -(-geobox.height // core), -(-geobox.width // core)
    side = core + 2 * halo
    wide = cols * core + 2 * halo
    pixels = geobox.height * geobox.width
    strip = int(wide * side * (bytes_per_pixel + 1) * STRIP_COPIES)
    blend = 0 if spec.exact else wide * side * len(spec.classes) * BLEND_BYTES
    network = batch * side * side * spec.width * activation_bytes
    on_cpu = device == "cpu"
    mask = wide * MASK_ROWS * len(spec.classes)
    needs = [strip + blend + (network if on_cpu else 0) + 6 * core * wide + mask]
    if parcels:
        rows_at_once = min(label_strip(wide), geobox.height)
        graph = GRAPH_BYTES + wide * SEAM_BYTES + pixels * NAME_BYTES // 100
        needs.append(wide * rows_at_once * LABEL_BYTES + graph)
    return Plan(
        width=geobox.width, height=geobox.height, core=core, halo=halo, batch=batch,
        tiles=rows * cols, device=device,
        memory_bytes=BASE_BYTES + parcels * PARCEL_BASE_BYTES + max(needs),
        disk_bytes=pixels * (SCRATCH_BYTES if parcels else MASK_BYTES * len(spec.classes)),
        gpu_bytes=0 if on_cpu else GPU_BASE_BYTES + GPU_LANES * network,
    )


def _round_up(value: int, divisor: int) -> int:
    return -(-value // divisor) * divisor
