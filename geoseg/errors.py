"""The errors geoseg raises on purpose, each with its exit code; any other escape is a bug.

Exit codes: 0 done, 1 a bug, 2 usage or refused input, 3 finished but partial, 4 input unreadable,
5 output or disk, 6 out of memory, 7 locked by another run, 130 and 143 interrupted.
"""

import sys


def install_with(extra: str) -> str:
    """Give the command that brings an extra of geoseg into this very environment."""
    return f"{sys.executable} -m pip install 'geoseg[{extra}]'"


class GeosegError(Exception):
    """Base class; the command line prints it as one line and exits with `exit_code`."""

    exit_code = 2


class GridError(GeosegError, ValueError):
    """A window, tile or halo does not fit the grid it is used with."""


class CRSError(GeosegError, ValueError):
    """A CRS is missing, or two inputs that must share one do not."""


class OptionError(GeosegError, ValueError):
    """An option has a value that cannot be used with this input."""


class RasterError(GeosegError, OSError):
    """A raster cannot be opened or read."""

    exit_code = 4


class VectorError(GeosegError, OSError):
    """A vector layer cannot be opened or read."""

    exit_code = 4


class ModelError(GeosegError):
    """A model file cannot be read, or does not fit the scene it is used on."""


class TrainingError(GeosegError):
    """The training data, or the run, cannot give a model that is worth keeping."""


class MemoryBudgetError(GeosegError):
    """The plan needs more memory than allowed, or than there is."""

    exit_code = 6


class ShardsMissingError(GeosegError):
    """Shards of a plan are not done yet."""

    exit_code = 3


class OutputError(GeosegError, OSError):
    """An output cannot be written or published."""

    exit_code = 5


class LockedError(GeosegError):
    """Another run holds the output."""

    exit_code = 7


class TopologyError(GeosegError):
    """A coverage broke one of its own invariants: a bug in geoseg."""

    exit_code = 1
