"""Pictures of a training: predictions beside the truth, and the curves of the log."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from geoseg.errors import install_with
from geoseg.learning.chips import Batch
from geoseg.learning.log_csv import LOG, logged
from geoseg.learning.validation import Validation
from geoseg.publish import publish_bytes

log = logging.getLogger(__name__)

ROWS = 4
"""Chips shown."""


def draw(held_out: Sequence[Batch]) -> Callable[[Validation, nn.Module, Path], None]:
    """Give what draws `predictions.png` and `curves.png` after a validation.

    Without matplotlib, an optional extra, it does nothing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        log.info("no pictures of the training without matplotlib: %s", install_with("train"))
        return lambda *_: None

    batch = _some(held_out)

    def pictures(seen: Validation, model: nn.Module, folder: Path) -> None:
        _predictions(Figure, batch, model, seen, folder / "predictions.png")
        _curves(Figure, folder / LOG, folder / "curves.png")

    return pictures


def _some(held_out: Sequence[Batch]) -> Batch:
    """Choose chips from far apart."""
    picked = np.linspace(0, len(held_out) - 1, ROWS).astype(int)
    parts = zip(*(tuple(part[:1] for part in held_out[one].parts()) for one in picked))
    return Batch(*(torch.cat(part) for part in parts))


@torch.no_grad()
def _predictions(figure: type, batch: Batch, model: nn.Module, seen: Validation, out: Path) -> None:
    device = next(model.parameters()).device
    found = torch.sigmoid(model(batch.pixels[:ROWS].to(device))).cpu()
    panels = [_rgb(batch.pixels), batch.target[:, 0], found[:, 0], batch.target[:, 1]]
    titles = ["scene", "parcel", "parcel predicted", "boundary", "boundary predicted"]
    panels.append(found[:, -1])
    shown = min(ROWS, len(found))
    sheet = figure(figsize=(2.4 * len(panels), 2.5 * shown), layout="constrained")
    axes = sheet.subplots(shown, len(panels), squeeze=False)
    for row in range(shown):
        for col, (panel, title) in enumerate(zip(panels, titles)):
            axes[row, col].imshow(np.asarray(panel[row]), vmin=0, vmax=1, cmap="gray")
            axes[row, col].set_axis_off()
            axes[0, col].set_title(title, fontsize=9)
    sheet.suptitle(f"step {seen.step}, score {seen.score:.3f}", fontsize=10)
    _publish(sheet, out)


def _rgb(pixels: Tensor) -> Tensor:
    """Show the first three bands, or the first one three times, as (n, rows, cols, 3)."""
    three = pixels[:, :3] if pixels.shape[1] >= 3 else pixels[:, :1].expand(-1, 3, -1, -1)
    return three.clamp(0, 1).permute(0, 2, 3, 1)


def _curves(figure: type, log_csv: Path, out: Path) -> None:
    rows = logged(log_csv)
    steps = [int(row["step"]) for row in rows]
    sheet = figure(figsize=(9, 3.2), layout="constrained")
    losses, scores = sheet.subplots(1, 2)
    for name in ("train_loss", "loss"):
        losses.plot(steps, [float(row[name]) for row in rows], label=name.replace("_", " "))
    for name in rows[0]:
        if name == "score" or name.endswith("_iou"):
            scores.plot(steps, [float(row[name]) for row in rows], label=name.replace("_", " "))
    for axes in (losses, scores):
        axes.set_xlabel("step")
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    _publish(sheet, out)


def _publish(sheet: Any, out: Path) -> None:
    picture = io.BytesIO()
    sheet.savefig(picture, format="png", dpi=80)
    publish_bytes(out, picture.getvalue())
