"""Fixtures that every test folder may use."""

import os
import signal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Give the folder of real imagery (GEOSEG_DATA, or shared/data beside the checkout)."""
    folder = Path(os.environ.get("GEOSEG_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no folder of real imagery: set GEOSEG_DATA")
    return folder


@pytest.fixture(scope="session")
def sample_data() -> Path:
    """Give the project's own sample data."""
    return ROOT / "sample_data"


@pytest.fixture(scope="session", autouse=True)
def interruptible():
    """Let SIGINT through, which a shell's background job ignores, children included."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
