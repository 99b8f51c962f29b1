"""How the documentation is built: `python -m sphinx -W -n -b html docs OUT`.

The tutorials are notebooks of shell commands; every build runs them and shows what came out.
"""

import os
import sys
from pathlib import Path

import geoseg

# The tutorials call this environment's `geoseg` and copy the sample data of this checkout.
os.environ["GEOSEG_BIN"] = str(Path(sys.executable).parent)
os.environ["GEOSEG_SAMPLE_DATA"] = str(Path(__file__).resolve().parent.parent / "sample_data")

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
