"""A small world that a network learns in seconds: rectangles of two colours on a grey ground."""

import numpy as np
import pytest
import torch

from geoseg.learning.chips import ArraySource
from geoseg.learning.unet import build
from geoseg.spec import Band, LabelClass, ModelSpec

BANDS = (Band("red", 0, 255), Band("green", 0, 255), Band("blue", 0, 255))


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def make_source():
    """Give what draws a scene: a board of fields, one colour each, with dark lines between."""

    def make(name="scene", size=128, field=32, seed=0):
        random = np.random.default_rng(seed)
        rows, cols = np.indices((size, size)) // field
        across = -(-size // field)
        labels = (rows * across + cols + 1).astype(np.int32)
        labels[labels % 5 == 0] = 0
        colours = random.integers(90, 250, (across * across + 1, 3))
        colours[0] = 30
        image = colours[labels].transpose(2, 0, 1) + random.integers(-15, 15, (3, size, size))
        return ArraySource(
            name, image.clip(0, 255).astype(np.uint8), labels, np.ones((size, size), bool)
        )

    return make


@pytest.fixture
def make_model():
    """Give what builds a network with lively BatchNorm, and its spec."""

    def make(name="unet", width=4, seed=0):
        network = build(name, width=width, seed=seed).eval()
        random = torch.Generator().manual_seed(seed)
        for norm in network.modules():
            if isinstance(norm, torch.nn.BatchNorm2d):
                norm.running_mean.normal_(0, 0.2, generator=random)
                norm.running_var.uniform_(0.5, 1.5, generator=random)
                norm.weight.data.uniform_(-0.5, 1.5, generator=random)
                norm.bias.data.normal_(0, 0.2, generator=random)
        network.head.weight.data.normal_(0, 0.3, generator=random)
        classes = (LabelClass(0, "parcel"), LabelClass(1, "boundary"))
        spec = ModelSpec(
            "test", BANDS, "uint8", classes, (0.5, 2.0), network.divisor, network.halo, name, width
        )
        return spec, network

    return make
