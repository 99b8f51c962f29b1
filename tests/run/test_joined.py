"""What shards made, joined."""

import errno

import numpy as np
import pytest

from geoseg.errors import OutputError
from geoseg.run.joined import JoinedLabels


class FullFile:
    """A file on a full disk."""

    def seek(self, *_) -> int:
        return 0

    def write(self, data) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_scratch_folder_is_an_output_error():
    labels = JoinedLabels((1, 3), None)
    labels._file.close()
    labels._file = FullFile()
    with pytest.raises(OutputError, match="cannot write labels to the scratch folder"):
        labels.append(0, 1, 0, np.ones((1, 3), np.int32))
