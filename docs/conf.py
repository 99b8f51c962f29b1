"""How the documentation is built: `python -m sphinx -W -n -b html docs OUT`.

Pages with `code-cell`s are notebooks of shell commands; every build runs them and shows what came
out.
"""

import os
import sys
import tempfile
from pathlib import Path

from sphinx.errors import ExtensionError

import geoseg

# The pages call this environment's `geoseg` and copy the sample data of this checkout.
HERE = Path(__file__).resolve().parent
os.environ["GEOSEG_BIN"] = str(Path(sys.executable).parent)
os.environ["GEOSEG_SAMPLE_DATA"] = str(HERE.parent / "sample_data")
os.environ["GEOSEG_PAGE"] = str(HERE / "page.sh")
FAILURES = Path(tempfile.mkdtemp()) / "failed"
os.environ["GEOSEG_PAGE_FAILURES"] = str(FAILURES)

project = "geoseg"
author = "the geoseg developers"
release = version = geoseg.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_click",
]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_merge_streams = True

autodoc_typehints = "description"
autodoc_member_order = "bysource"
nitpicky = True
nitpick_ignore_regex = [
    # Types of other projects: no network is used to look up their pages.
    ("py:.*", r"(?!geoseg).*"),
    # Types that the reference does not list, since only geoseg itself makes them.
    ("py:.*", r"geoseg\..*\.(Progress|Event|Pair|Tally|ParcelCounts)"),
]

exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"geoseg {release}"


def refuse_failures(app, exception):
    """End the build with an error where a command of a page failed."""
    if exception is None and FAILURES.exists():
        raise ExtensionError(f"these commands of the pages failed:\n{FAILURES.read_text()}")


def setup(app):
    app.connect("build-finished", refuse_failures)
