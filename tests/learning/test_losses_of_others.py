"""The losses are those of segmentation_models.pytorch, by its own code, where it is installed.

    pip install --no-deps segmentation_models_pytorch

Its losses need torch alone; they are loaded without the rest of the package, which needs timm and
torchvision.
"""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch

from geoseg.learning.losses import LOSSES, lovasz

PACKAGE = "segmentation_models_pytorch"
HALF = 0.5
"""Its Dice is half of both sides of the fraction, so that its smoothing counts twice."""


@pytest.fixture(scope="module")
def smp():
    """Give the package's module of losses."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None:
        pytest.skip(f"no {PACKAGE}: pip install --no-deps {PACKAGE}")
    folder = Path(found.origin).parent / "losses"
    spec = importlib.util.spec_from_file_location(
        "losses_of_smp", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=range(3))
def chips(request):
    """Give logits and targets of four chips and two classes, one of them rare."""
    random = torch.Generator().manual_seed(request.param)
    logits = 3 * torch.randn((4, 2, 16, 16), generator=random)
    shares = torch.tensor([0.6, 0.08])[:, None, None]
    return logits, (torch.rand(logits.shape, generator=random) < shares).float()


def mine(name, logits, target):
    return LOSSES[name](logits, target, torch.ones_like(logits[:, :1])).item()


def test_cross_entropy(smp, chips):
    wanted = smp.SoftBCEWithLogitsLoss()(*chips).item()
    assert mine("bce", *chips) == pytest.approx(wanted, rel=1e-5)


def test_weighted_cross_entropy_with_its_weights(smp, chips):
    share = chips[1].mean((0, 2, 3))
    lift = ((1 - share) / share).sqrt().clamp(max=10)[:, None, None]
    wanted = smp.SoftBCEWithLogitsLoss(pos_weight=lift)(*chips).item()
    assert mine("weighted-bce", *chips) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(("name", "theirs", "options"), [
    ("dice", "DiceLoss", {"smooth": HALF}),
    ("jaccard", "JaccardLoss", {"smooth": 1.0}),
    ("tversky", "TverskyLoss", {"smooth": 1.0, "alpha": 0.3, "beta": 0.7}),
    ("focal", "FocalLoss", {"gamma": 2.0}),
])
def test_losses_of_the_same_name(smp, chips, name, theirs, options):
    wanted = getattr(smp, theirs)(mode="multilabel", **options)(*chips).item()
    assert mine(name, *chips) == pytest.approx(wanted, rel=1e-5)


def test_log_cosh_dice_is_made_of_their_dice_of_each_class(smp, chips):
    logits, target = chips
    theirs = smp.DiceLoss(mode="binary", smooth=HALF)
    each = torch.stack([theirs(logits[:, c], target[:, c]) for c in range(2)])
    wanted = torch.log(torch.cosh(each)).mean().item()
    assert mine("log-cosh-dice", *chips) == pytest.approx(wanted, rel=1e-5)


def test_lovasz_and_its_gradient_are_the_means_of_theirs(smp, chips):
    logits, target = chips[0].requires_grad_(), chips[1]
    theirs = smp.LovaszLoss(mode="binary", per_image=False)
    wanted = torch.stack([theirs(logits[:, c], target[:, c]) for c in range(2)]).mean()
    got = lovasz(logits, target, torch.ones_like(logits[:, :1]))
    assert got.item() == pytest.approx(wanted.item(), rel=1e-5)
    gradients = [torch.autograd.grad(one, logits, retain_graph=True)[0] for one in (got, wanted)]
    assert torch.allclose(*gradients, atol=1e-7)
