import subprocess
import sys

import pytest

CHECK = "import sys, geoseg, geoseg.tools.vectorize; sys.exit(not callable(geoseg.vectorize))"


@pytest.mark.parametrize("first", ["", "from geoseg.vectorizer import label; "])
def test_vectorize_is_the_tool_also_after_the_vectorizer_is_imported(first):
    assert subprocess.run([sys.executable, "-c", first + CHECK]).returncode == 0
