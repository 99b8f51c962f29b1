import numpy as np
import pytest


@pytest.fixture
def draw():
    """Give a function that turns lines of digits into labels; a dot is -1."""

    def labels(text):
        rows = [list(line) for line in text.split()]
        return np.array([[-1 if one == "." else int(one) for one in row] for row in rows])

    return labels
