"""The generator as a module: it lives beside the sample data, outside the package."""

import importlib
import sys

import pytest


@pytest.fixture(scope="session")
def generate(sample_data):
    """Import sample_data/generate.py as its own command would."""
    sys.path.insert(0, str(sample_data))
    try:
        return importlib.import_module("generate")
    finally:
        sys.path.remove(str(sample_data))


@pytest.fixture(scope="session", params=["plains", "strips", "bocage", "orchard", "mixed"])
def scene(request, generate):
    """Give a small scene of each kind of countryside."""
    return generate.make_scene(192, 2.0, seed=5, landscape=request.param)
