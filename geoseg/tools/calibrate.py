"""Choose a model's thresholds on places whose parcels are known, and store them in its file."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoseg.evaluation import count_parcels, overlaps_of_labels, parcel_scores
from geoseg.learning.bundled import find_model
from geoseg.learning.checkpoint import read_spec, replace_spec
from geoseg.raster import MaskReader
from geoseg.run.progress import Progress, silent, stage
from geoseg.spec import Instances
from geoseg.tools.pairs import find_pairs, read_labels
from geoseg.tools.parcels import LineChoice, label_options
from geoseg.tools.predict import predict
from geoseg.vectorizer.tune import Grid, choose_thresholds

Labels = NDArray[np.integer]


def calibrate(
    model: str | Path,
    inputs: Sequence[str | Path],
    *,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress = silent,
) -> dict[str, float]:
    """Choose the thresholds with the best parcel F1, and store them in the model file.

    Args:
        model: file that `train` made; its weights stay as they are.
        inputs: scenes and labels as `train` takes them; not those that it was trained on.
        device: where the network runs.
        threads: of the network on the CPU.
        progress: takes the events.

    Returns:
        The thresholds, and the parcel F1 before and after.

    Raises:
        GeosegError: one of its kinds, with what to do.
    """
    pairs = find_pairs(inputs)
    spec = read_spec(find_model(model))
    step = stage(progress, "predict", len(pairs))
    with tempfile.TemporaryDirectory() as folder, ExitStack() as masks:
        places = []
        for number, pair in enumerate(pairs):
            mask = Path(folder) / f"{number}.tif"
            predict(pair.scene, mask, model=str(model), device=device, threads=threads)
            probabilities = masks.enter_context(MaskReader(mask))
            places.append((probabilities, read_labels(pair.labels, probabilities.geobox)))
            step(1)
        start = label_options(places[0][0].geobox, spec.instances, LineChoice())
        before = choose_thresholds(places, score=pooled_f1, start=start, rounds=0)[1]
        best, after = choose_thresholds(places, score=pooled_f1, start=start)
    chosen = {one.name: getattr(best, one.name) for one in fields(Grid)}
    instances = Instances(**{**asdict(spec.instances), **chosen})
    replace_spec(find_model(model), replace(spec, instances=instances))
    return chosen | {"parcel_f1_before": before, "parcel_f1": after}


def pooled_f1(places: Sequence[tuple[Labels, Labels]]) -> float:
    """Add the matched parcels of all places, and give their F1 at an IoU of 0.5."""
    counts = None
    for found, truth in places:
        one = count_parcels(overlaps_of_labels(truth, found))
        counts = one if counts is None else counts + one
    return float(parcel_scores(asdict(counts))["parcel_f1"])
