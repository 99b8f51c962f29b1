import os
import subprocess
import sys
from pathlib import Path

from geoseg.cache import cache_folder
from geoseg.evaluation import boundaries

LOOPS = """
from numba import njit
from geoseg.cache import numba_cache

def double(x):
    return 2 * x

with numba_cache():
    fast = njit(cache=True)(double)
assert fast(3) == 6
"""


def test_numba_keeps_its_code_in_the_user_s_cache_and_not_beside_the_package(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "loops.py").write_text(LOOPS)
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "NUMBA_CACHE_DIR": ""}
    subprocess.run([sys.executable, tmp_path / "package" / "loops.py"], env=env, check=True)
    assert list((tmp_path / "cache" / "geoseg").glob("package_*/*.nbi"))
    assert [one.name for one in (tmp_path / "package").iterdir()] == ["loops.py"]


def test_the_loops_of_evaluation_are_kept_there():
    named = os.environ.get("NUMBA_CACHE_DIR")
    folder = Path(boundaries._polis.stats.cache_path).parent
    assert folder == (Path(named) if named else cache_folder())
