from dataclasses import replace
from pathlib import Path

import pytest
from affine import Affine

from geoseg.errors import MemoryBudgetError, OutputError
from geoseg.grid import GeoBox
from geoseg.run.plan import MIB, check_disk, make_plan
from geoseg.run.progress import stage
from geoseg.spec import Band, LabelClass, ModelSpec

SPEC = ModelSpec(
    name="test", bands=(Band("red", 0, 255),) * 3, dtype="uint8",
    classes=(LabelClass(0, "parcel"), LabelClass(1, "boundary")), resolution=(0.5, 4.0),
    divisor=16, halo=96, architecture="unet", width=16,
)


def box(height, width):
    return GeoBox(height, width, Affine.identity(), None)


def plan(height, width, **options):
    return make_plan(box(height, width), SPEC, device="cpu", bytes_per_pixel=3, **options)


def test_a_small_scene_is_one_tile_of_its_own_size():
    made = plan(100, 130)
    assert (made.core, made.tiles) == (192, 1)  # a multiple of four divisors


def test_memory_does_not_grow_with_the_height_but_for_the_names_of_basins():
    low, high = plan(10_000, 5_000), plan(100_000, 5_000)
    names = (high.memory_bytes - low.memory_bytes) / (90_000 * 5_000)
    assert names <= 0.1


def test_a_small_budget_chooses_a_smaller_core():
    free = plan(20_000, 20_000)
    tight = plan(20_000, 20_000, memory=free.memory_bytes - 1)
    assert tight.core < free.core
    assert tight.memory_bytes < free.memory_bytes


def test_a_budget_that_cannot_be_kept_is_refused_with_what_it_takes():
    with pytest.raises(MemoryBudgetError, match=r"needs at least \d+ MiB .* allows 100 MiB"):
        plan(20_000, 20_000, memory=100 * MIB)


def test_a_scene_is_cut_evenly():
    assert (plan(1536, 1536).core, plan(1536, 1536).tiles) == (768, 4)
    assert (plan(100, 2100).core, plan(100, 2100).tiles) == (704, 3)


def test_a_tile_is_rounded_up_to_four_divisors():
    assert plan(5_000, 5_000, tile=250).core == 256


def test_the_plan_says_tiles_memory_and_disk_in_one_line():
    text = plan(5_000, 5_000).describe()
    assert "25 tiles of 1024 + 2 x 96" in text
    assert "MiB of memory" in text and "\n" not in text


def test_a_full_disk_is_refused_before_the_run():
    with pytest.raises(OutputError, match="MiB free"):
        check_disk(replace(plan(10, 10), disk_bytes=1 << 60), Path.cwd())


def test_a_stage_counts_its_steps_and_never_more_than_all():
    events = []
    step = stage(events.append, "predict", 3)
    step()
    step(5)
    assert [event["done"] for event in events] == [0, 1, 3]


def test_a_mask_alone_takes_the_memory_that_its_height_does_not_change():
    low, high = (plan(rows, 5_000, parcels=False) for rows in (10_000, 100_000))
    assert low.memory_bytes == high.memory_bytes <= plan(100_000, 5_000).memory_bytes


def test_a_network_that_is_not_exact_gets_tiles_that_can_blend():
    blended = replace(SPEC, exact=False)

    def made(side, **options):
        return make_plan(box(side, side), blended, device="cpu", bytes_per_pixel=3, **options)

    assert made(100).core == 192
    assert made(5_000).memory_bytes > plan(5_000, 5_000).memory_bytes
    with pytest.raises(MemoryBudgetError):
        made(5_000, memory=100 * MIB)


def test_a_gpu_s_memory_is_planned_and_said():
    made = make_plan(box(5_000, 5_000), SPEC, device="cuda", bytes_per_pixel=3)
    assert made.gpu_bytes > 0 and "of the GPU's" in made.describe()
    assert plan(5_000, 5_000).gpu_bytes == 0


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.5, "about 12 s in the network"), (60, "about 25 min in the network")]
)
def test_the_time_is_that_of_one_batch_times_the_batches(seconds, said):
    made = plan(5_000, 5_000).timed(seconds)
    assert made.seconds == 25 * seconds and made.describe().endswith(said)
