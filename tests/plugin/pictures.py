"""Take the pictures of docs/qgis.md in a real QGIS window under a virtual screen.

    geoseg qgis install
    python tests/plugin/pictures.py SCENE

SCENE should be a copy: QGIS writes statistics beside a raster. The engine is the one that is
installed; nothing in the pictures is made up.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
IMAGES = HERE.parents[1] / "docs" / "images"
NAMES = ("qgis-dialog", "qgis-log", "qgis-result", "qgis-table", "qgis-missing")
LARGEST = 300_000
COLOURS = 256


def main(scene):
    """Use QGIS as a person would, and keep the pictures small."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        variables = {"WINDOW_OUT": folder, "WINDOW_SCENE": scene, "WINDOW_SECONDS": "300"}
        command = ["xvfb-run", "-a", "-s", "-screen 0 1280x800x24", shutil.which("qgis"),
                   "--nologo", "--code", HERE / "window.py"]
        kept = {name: value for name, value in os.environ.items() if name != "QT_QPA_PLATFORM"}
        code = subprocess.run(command, env=kept | variables, check=False).returncode
        if code:
            sys.exit((Path(folder) / "seen.json").read_text())
        for name in NAMES:
            shrink(Path(folder) / f"{name}.png", IMAGES / f"{name}.png")


def shrink(source, target):
    """Store a picture in few colours."""
    image = Image.open(source).convert("RGB")
    image = image.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    image.save(target, optimize=True)
    size = target.stat().st_size
    print(f"{target.name} {size / 1000:.0f} kB")
    if size > LARGEST:
        sys.exit(f"{target} has {size} bytes, more than {LARGEST}")


if __name__ == "__main__":
    main(sys.argv[1])
