import subprocess
import sys

import pytest

CHECK = "import sys, geoseg, geoseg.tools.vectorize; sys.exit(not callable(geoseg.vectorize))"


@pytest.mark.parametrize("first", ["", "from geoseg.vectorize import label; "])
def test_vectorize_is_the_tool_also_after_its_namesake_package_is_imported(first):
    assert subprocess.run([sys.executable, "-c", first + CHECK]).returncode == 0
