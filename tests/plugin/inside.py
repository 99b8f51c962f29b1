"""Runs in QGIS's own Python: answers questions, one line of JSON each."""

import json
import os
import sys
import threading
import time
import traceback

sys.path[:0] = [f"{sys.argv[1]}/profiles/default/python/plugins"]
sys.path.append("/usr/share/qgis/python/plugins")

from qgis.core import (  # noqa: E402
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingFeedback,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterRasterLayer,
    QgsProcessingUtils,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

application = QgsApplication([], False)
application.initQgis()
from processing.core.Processing import Processing  # noqa: E402

Processing.initialize()
began = time.perf_counter()
import geoseg_qgis  # noqa: E402

plugin = geoseg_qgis.classFactory(None)
plugin.initProcessing()
SECONDS_TO_LOAD = time.perf_counter() - began
registry = QgsApplication.processingRegistry()


class Feedback(QgsProcessingFeedback):
    """Keeps all that is said."""

    def __init__(self):
        super().__init__(False)
        self.said, self.steps, self.stages, self.commands, self.warnings = [], [], [], [], []
        self.progressChanged.connect(self.steps.append)

    def setProgressText(self, text):
        self.stages.append(text)

    def pushInfo(self, text):
        self.said.append(text)

    def pushConsoleInfo(self, text):
        self.said.append(text)

    def pushWarning(self, text):
        self.warnings.append(text)

    def pushCommandInfo(self, text):
        self.commands.append(text)

    def reportError(self, text, fatalError=False):
        self.said.append(text)


def describe(request):
    """Say what the provider has."""
    provider = registry.providerById("geoseg")
    return {
        "seconds": SECONDS_TO_LOAD,
        "icon": not provider.icon().isNull(),
        "algorithms": {one.name(): describe_one(one) for one in provider.algorithms()},
    }


def describe_one(one):
    """Say what an algorithm has."""
    return {
        "parameters": {
            parameter.name(): {"type": parameter.type(), "help": parameter.help(),
                               "label": parameter.description()}
            for parameter in one.parameterDefinitions()
        },
        "outputs": [output.name() for output in one.outputDefinitions()],
        "group": one.group(), "tags": one.tags(), "help": one.shortHelpString(),
        "url": one.helpUrl(), "icon": not one.icon().isNull(), "title": one.displayName(),
    }


def run(request):
    """Run an algorithm, and say all that came of it."""
    os.environ.update(request["environment"])
    parameters = dict(request.get("parameters", {}))
    for name, asked in request.get("selected", {}).items():
        parameters[name] = selection(**asked)
    project = QgsProject.instance()
    context = QgsProcessingContext()
    context.setProject(project)
    outputs = [name for name in ("PARCELS", "LINES", "MASK") if name in parameters]
    loaded = outputs if request.get("load") else []
    for name in loaded:
        parameters[name] = QgsProcessingOutputLayerDefinition(parameters[name], project)
    algorithm = registry.createAlgorithmById(f"geoseg:{request['algorithm']}")
    feedback = Feedback()
    ready, missing = algorithm.canExecute()
    good, problem = algorithm.checkParameterValues(parameters, context)
    answer = {"can": ready, "missing": missing, "problem": problem, "ok": False, "results": {}}
    if not good:
        return answer
    if request.get("cancel_after") is not None:
        cancel(feedback, context, request["cancel_after"], answer)
    if request.get("cancel_at"):
        feedback.progressChanged.connect(
            lambda now: now >= request["cancel_at"] and feedback.cancel()
        )
    began, before = time.perf_counter(), os.times()
    error = ""
    try:
        results, ok = algorithm.run(parameters, context, feedback, {}, False)
    except Exception as failed:
        results, ok, error = {}, False, str(failed)
    answer["seconds"], after = time.perf_counter() - began, os.times()
    answer["own cpu"] = sum(after[:2]) - sum(before[:2])
    answer["cpu"] = sum(after[:4]) - sum(before[:4])
    if "cancelled_at" in answer:
        answer["after_cancel"] = time.perf_counter() - answer.pop("cancelled_at")
    waiting = context.layersToLoadOnCompletion()
    answer.update(
        ok=ok, error=error, said=feedback.said, warnings=feedback.warnings,
        commands=feedback.commands, stages=feedback.stages, steps=feedback.steps,
        canceled=feedback.isCanceled(),
        results={name: plain(value) for name, value in results.items()},
        waiting=list(waiting), layers=[load(key, waiting[key], context) for key in waiting],
        temporary=[name for name in os.listdir(QgsProcessingUtils.tempFolder())
                   if name.startswith("geoseg-")],
    )
    for name in ("PARCELS", "LINES"):
        if results.get(name) and request.get("table", True):
            layer = QgsProcessingUtils.mapLayerFromString(results[name], context)
            answer[name.lower()] = table(layer)
    return answer


def cancel(feedback, context, seconds, answer):
    """Cancel a run some time after its start, as the button does."""

    def press():
        answer["cancelled_at"] = time.perf_counter()
        feedback.cancel()

    threading.Timer(seconds, press).start()


def plain(value):
    """Give a value that JSON knows."""
    return value if isinstance(value, (int, float, str, bool, type(None))) else str(value)


def load(key, details, context):
    """Do what QGIS does with a layer at the end of a run, and say how it looks."""
    layer = QgsProcessingUtils.mapLayerFromString(key, context)
    processor = details.postProcessor()
    if processor is not None:
        processor.postProcessLayer(layer, context, Feedback())
    kind = "Vector" if isinstance(layer, QgsVectorLayer) else "Raster"
    about = {"name": details.name, "renderer": layer.renderer().type(), "kind": kind}
    if isinstance(layer, QgsVectorLayer):
        about["aliases"] = [field.alias() for field in layer.fields()]
        about["labels"] = layer.labelsEnabled()
        about["abstract"] = layer.metadata().abstract()
    return about


def table(layer):
    """Give a layer's content."""
    return {
        "crs": layer.crs().authid(),
        "fields": [field.name() for field in layer.fields()],
        "rows": [[plain(value) for value in one.attributes()] for one in layer.getFeatures()],
        "wkt": [one.geometry().asWkt(0) for one in layer.getFeatures()],
    }


def selection(path, expression):
    """Give a layer of the project of which only some features are selected."""
    layer = QgsVectorLayer(path, "area", "ogr")
    QgsProject.instance().addMapLayer(layer)
    layer.selectByExpression(expression)
    return QgsProcessingFeatureSourceDefinition(layer.id(), True)


def layers_of(request):
    """Name the layers of a GeoPackage, and count their features."""
    top = QgsVectorLayer(request["path"], "top", "ogr")
    names = [one.split("!!::!!")[1] for one in top.dataProvider().subLayers()]
    return {
        name: QgsVectorLayer(f"{request['path']}|layername={name}", name, "ogr").featureCount()
        for name in names
    }


def reload(request):
    """Take the plugin away and put it back; look at the setting between."""
    from geoseg_qgis import settings
    from processing.core.ProcessingConfig import ProcessingConfig

    names = [str(name) for name in ProcessingConfig.getSettings()]
    ProcessingConfig.setSettingValue(settings.PYTHON, request["python"])
    found_by = settings.engine().found_by
    ProcessingConfig.setSettingValue(settings.PYTHON, "")
    plugin.unload()
    gone = registry.providerById("geoseg") is None
    plugin.initProcessing()
    back = registry.algorithmById("geoseg:segmentparcels") is not None
    return {"groups": names, "found by": found_by, "gone": gone, "back": back}


def forget(request):
    """Remove variables from the environment."""
    for name in request["names"]:
        os.environ.pop(name, None)
    return {}


def open_raster(request):
    """Put a web map into the project, and give its name."""
    layer = QgsRasterLayer(request["source"], request["name"], request["provider"])
    QgsProject.instance().addMapLayer(layer)
    return {"id": layer.id()}


def run_model(request):
    """Run a model in which Segment parcels is an inner step."""
    os.environ.update(request["environment"])
    model = QgsProcessingModelAlgorithm("test", "test")
    model.addModelParameter(
        QgsProcessingParameterRasterLayer("SCENE", "Scene"), QgsProcessingModelParameter("SCENE")
    )
    source = QgsProcessingModelChildParameterSource
    first = QgsProcessingModelChildAlgorithm("geoseg:segmentparcels")
    first.setChildId("segment")
    first.addParameterSources("INPUT", [source.fromModelParameter("SCENE")])
    first.addParameterSources("MODEL", [source.fromStaticValue("parcels-aerial")])
    first.addParameterSources("DEVICE", [source.fromStaticValue("cpu")])
    model.addChildAlgorithm(first)
    second = QgsProcessingModelChildAlgorithm("native:centroids")
    second.setChildId("centroids")
    second.addParameterSources("INPUT", [source.fromChildOutput("segment", "PARCELS")])
    out = QgsProcessingModelOutput("POINTS")
    out.setChildId("centroids")
    out.setChildOutputName("OUTPUT")
    second.setModelOutputs({"POINTS": out})
    model.addChildAlgorithm(second)
    model.initAlgorithm()
    context, feedback = QgsProcessingContext(), Feedback()
    context.setProject(QgsProject.instance())
    name = next(one.name() for one in model.destinationParameterDefinitions())
    results, ok = model.run(
        {"SCENE": request["scene"], name: "memory:"}, context, feedback, {}, False
    )
    layer = QgsProcessingUtils.mapLayerFromString(results[name], context)
    return {"ok": ok, "points": layer.featureCount(), "crs": layer.crs().authid()}


QUESTIONS = {
    "describe": describe, "run": run, "layers": layers_of, "model": run_model,
    "open raster": open_raster, "forget": forget, "reload": reload,
}
for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = QUESTIONS[request["question"]](request)
    except Exception:
        answer = {"failed": traceback.format_exc()}
    print(json.dumps(answer), flush=True)
os._exit(0)
