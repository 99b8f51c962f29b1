"""Runs inside a QGIS window (qgis --code): uses the plugin as a person would, and takes pictures.

WINDOW_SCENE is the raster, WINDOW_OUT the folder for pictures and for what was seen (seen.json).
"""

import json
import os
import threading
import time
import traceback

from qgis.core import QgsApplication, QgsProcessingContext, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QEventLoop, QTimer
from qgis.PyQt.QtWidgets import QDockWidget, QLineEdit, QPushButton, QTextEdit
from qgis.utils import active_plugins, iface

import processing

OUT = os.environ["WINDOW_OUT"]
SCENE = os.environ["WINDOW_SCENE"]
SECONDS = float(os.environ.get("WINDOW_SECONDS", "150"))
NAME = "geoseg:segmentparcels"
seen = {"steps": []}


def main():
    """Do what a person does."""
    seen["plugins"] = active_plugins
    iface.mainWindow().setGeometry(0, 0, 1280, 800)
    for dock in iface.mainWindow().findChildren(QDockWidget):
        if dock.objectName() not in ("Layers", "ProcessingToolbox"):
            dock.hide()
    scene = show_scene()
    show_toolbox()
    dialog = processing.createAlgorithmDialog(NAME, {"INPUT": scene})
    dialog.show()
    dialog.resize(1040, 760)
    picture("qgis-dialog", dialog)
    run(dialog)
    batch(scene)
    modeler()
    cancel(scene)
    refuse(scene)
    missing()


def show_scene():
    """Load the scene and draw it."""
    scene = QgsRasterLayer(SCENE, os.path.splitext(os.path.basename(SCENE))[0])
    QgsProject.instance().addMapLayer(scene)
    iface.setActiveLayer(scene)
    iface.zoomToActiveLayer()
    draw()
    return scene


def show_toolbox():
    """Look for the tool."""
    (dock,) = (one for one in iface.mainWindow().findChildren(QDockWidget)
               if one.objectName() == "ProcessingToolbox")
    dock.show()
    dock.findChild(QLineEdit).setText("parcels")
    wait(1.0)
    step("toolbox")


def run(dialog):
    """Press Run, look at the log, and at the map."""
    ended = []
    dialog.algorithmFinished.connect(lambda ok, results: ended.append((ok, dict(results))))
    dialog.runButton().click()
    if os.environ.get("WINDOW_PICTURE_AFTER"):
        wait(float(os.environ["WINDOW_PICTURE_AFTER"]))
        picture("qgis-run", dialog)
    until(lambda: ended, "the run")
    wait(1.0)
    picture("qgis-log", dialog)
    dialog.close()
    (layer,) = (one for one in QgsProject.instance().mapLayers().values()
                if one.name().startswith("Parcels of"))
    seen["ok"], seen["results"] = ended[0][0], {k: str(v) for k, v in ended[0][1].items()}
    seen["layer"] = {
        "name": layer.name(), "crs": layer.crs().authid(), "count": layer.featureCount(),
        "renderer": layer.renderer().type(),
    }
    draw()
    picture("qgis-result", iface.mainWindow())
    table = iface.showAttributeTable(layer)
    if table is not None:
        table.window().resize(900, 420)
        wait(1.0)
        picture("qgis-table", table.window())
        table.window().close()


def batch(scene):
    """Run a batch of two rows, one after the other."""
    from processing.gui.BatchAlgorithmDialog import BatchAlgorithmDialog

    algorithm = QgsApplication.processingRegistry().createAlgorithmById(NAME)
    dialog = BatchAlgorithmDialog(algorithm)
    dialog.show()
    panel = dialog.mainWidget()
    panel.addRow()
    columns = [one.name() for one in algorithm.parameterDefinitions()]
    files = [os.path.join(OUT, f"batch {number}.gpkg") for number in (1, 2)]
    for row, file in enumerate(files):
        inputs = panel.wrappers[row]
        inputs[columns.index("INPUT")].setParameterValue(scene, context())
        inputs[columns.index("MODEL")].setParameterValue("parcels-aerial", context())
        place = panel.parameter_to_column["PARCELS"]
        panel.tblParameters.cellWidget(row + 1, place).setValue(file)
    dialog.resize(1100, 500)
    wait(1.0)
    dialog.grab().save(os.path.join(OUT, "batch.png"))
    dialog.runButton().click()
    until(lambda: all(map(os.path.exists, files)) and not dialog.cancelButton().isEnabled(),
          "the batch")
    seen["batch"] = len(files)
    dialog.close()
    step("batch")


def context():
    """Give a context of the project."""
    made = QgsProcessingContext()
    made.setProject(QgsProject.instance())
    return made


def modeler():
    """Open the tool's dialog in the model designer."""
    from processing.modeler.ModelerDialog import ModelerDialog
    from processing.modeler.ModelerParametersDialog import ModelerParametersDialog

    designer = ModelerDialog()
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(NAME)
    dialog = ModelerParametersDialog(algorithm, designer.model())
    dialog.show()
    wait(1.0)
    dialog.grab().save(os.path.join(OUT, "modeler.png"))
    child = dialog.createAlgorithm()
    seen["modeler"] = child.parameterSources()["MODEL"][0].staticValue()
    dialog.close()
    designer.deleteLater()
    step("modeler")


def cancel(scene):
    """Press Cancel in the middle of a run."""
    os.environ["FAKE_MODE"] = "slow"
    dialog = processing.createAlgorithmDialog(NAME, {"INPUT": scene})
    dialog.show()
    dialog.runButton().click()
    wait(2.5)
    began = time.monotonic()
    (button,) = (one for one in dialog.findChildren(QPushButton)
                 if one.text().replace("&", "") == "Cancel")
    button.click()
    until(lambda: not dialog.cancelButton().isEnabled(), "the cancel")
    seen["cancel_seconds"] = time.monotonic() - began
    dialog.close()
    step("cancel")


def refuse(scene):
    """Look at what a refusal looks like."""
    os.environ["FAKE_MODE"] = "refuse"
    dialog = processing.createAlgorithmDialog(NAME, {"INPUT": scene, "MODEL": "not-there"})
    dialog.show()
    dialog.runButton().click()

    def said():
        return "\n".join(one.toPlainText() for one in dialog.findChildren(QTextEdit))

    until(lambda: "failed after" in said(), "the refusal")
    seen["refusal"] = said()
    dialog.close()
    os.environ.pop("FAKE_MODE")
    step("refusal")


def missing():
    """Look at what the Toolbox says where there is no engine."""
    from processing.gui.MessageDialog import MessageDialog

    kept = os.environ.get("GEOSEG_PYTHON")
    os.environ["GEOSEG_PYTHON"] = "/home/ann/deleted-env/bin/python"
    good, text = QgsApplication.processingRegistry().algorithmById(NAME).canExecute()
    os.environ.pop("GEOSEG_PYTHON")
    if kept:
        os.environ["GEOSEG_PYTHON"] = kept
    seen["missing"] = text
    box = MessageDialog()
    box.setTitle("Error executing algorithm")
    box.setMessage(f"<h3>This algorithm cannot be run :-( </h3>\n{text}")
    box.show()
    box.setGeometry(100, 100, 640, 320)
    wait(0.5)
    picture("qgis-missing", box)
    box.close()


def draw():
    """Draw the map, and wait for it."""
    canvas, done = iface.mapCanvas(), []
    canvas.mapCanvasRefreshed.connect(lambda: done.append(1))
    canvas.refreshAllLayers()
    until(lambda: done, "the map", 30)
    wait(0.5)


def picture(name, widget):
    """Take a picture of a window."""
    wait(0.7)
    widget.grab().save(os.path.join(OUT, f"{name}.png"))
    step(name)


def step(name):
    """Note how far we are."""
    seen["steps"].append(name)


def wait(seconds):
    """Let the window live for a while."""
    loop = QEventLoop()
    QTimer.singleShot(int(1000 * seconds), loop.quit)
    (getattr(loop, "exec", None) or loop.exec_)()


def until(condition, what, seconds=SECONDS):
    """Let the window live until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        wait(0.05)


def leave(code):
    """Write what was seen, and go; a proper exit would ask about temporary layers."""
    with open(os.path.join(OUT, "seen.json"), "w", encoding="utf-8") as file:
        json.dump(seen, file, indent=1)
    os._exit(code)


def guard():
    """End a window that hangs, in a modal box or else."""
    time.sleep(2 * SECONDS)
    seen["error"] = "the window hung"
    leave(70)


def start():
    """Do it all, and say why where it fails."""
    threading.Thread(target=guard, daemon=True).start()
    try:
        main()
    except BaseException:
        seen["error"] = traceback.format_exc()
        picture("failed", iface.mainWindow())
        leave(1)
    leave(0)


QTimer.singleShot(1500, start)
