"""Parameters that several algorithms share: the same name and meaning in each."""

from __future__ import annotations

from qgis import core
from qgis.core import (
    NULL,
    QgsProcessing,
    QgsProcessingParameterBand,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterDistance,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsUnitTypes,
)

MODEL = "parcels-aerial"
"""The bundled model that is used where none is named; the engine's default too."""
MODEL_SUFFIXES = (".safetensors", ".onnx")
"""Of model files that predict."""
DEVICES = ("auto", "cpu", "cuda")
WHOLE = QgsProcessingParameterNumber.Type.Integer
REAL = QgsProcessingParameterNumber.Type.Double
POLYGONS = [QgsProcessing.SourceType.TypeVectorPolygon]


def explained(parameter, text: str):
    """Give the parameter its help."""
    parameter.setHelp(text)
    return parameter


def advanced(parameter):
    """Show the parameter among the advanced ones only."""
    parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
    return parameter


def number(name: str, label: str, text: str, *, kind=REAL, least=0.0, most=1e12, default=None):
    """Make a number; without a default it may be left empty."""
    return explained(
        QgsProcessingParameterNumber(name, label, kind, default, default is None, least, most),
        text,
    )


def choice(name: str, label: str, text: str, options: tuple):
    """Make a list to choose from; its value is the word itself, the first by default."""
    parameter = QgsProcessingParameterEnum(name, label, list(options), False, options[0])
    parameter.setUsesStaticStrings(True)
    return explained(parameter, text)


def scene():
    """Make INPUT."""
    return explained(
        QgsProcessingParameterRasterLayer("INPUT", "Scene"),
        "The image: a raster file with a coordinate system. For a web map, export it first "
        "(Export, Save As).",
    )


def model():
    """Make MODEL."""
    parameter = QgsProcessingParameterString("MODEL", "Model", MODEL)
    parameter.setMetadata({"widget_wrapper": {"class": "geoseg_qgis.widgets.ModelWidget"}})
    return explained(
        parameter,
        "A model that came with geoseg, by name, or a model file: .safetensors, which Train model "
        "makes, or .onnx.",
    )


def bands():
    """Make BANDS."""
    parameter = QgsProcessingParameterBand(
        "BANDS", "Bands, in the model's order", None, "INPUT", True, True
    )
    return explained(
        parameter,
        "Which bands of the scene the model gets, such as red, green, blue. Empty: by their "
        "names, else the first ones. Model information says what a model wants.",
    )


def extent():
    """Make EXTENT."""
    return explained(
        QgsProcessingParameterExtent("EXTENT", "Extent", None, True),
        "Use only this part of the scene; any coordinate system.",
    )


def area_of_interest():
    """Make AOI."""
    return explained(
        QgsProcessingParameterFeatureSource("AOI", "Area of interest", POLYGONS, None, True),
        "Use only what lies in these polygons; any coordinate system, any shape. Tick Selected "
        "features only for a part of the layer.",
    )


def threshold():
    """Make THRESHOLD."""
    return number(
        "THRESHOLD", "Parcel probability from which a pixel is in a parcel",
        "Higher: fewer and surer parcels. Empty: the model's own.", least=0.01, most=0.99,
    )


def min_area():
    """Make MIN_AREA, in any unit of area where QGIS has such a box (3.40 and later)."""
    label = "Minimum area (on the ground)"
    kind = getattr(core, "QgsProcessingParameterArea", None)
    if kind is None:
        parameter = QgsProcessingParameterNumber("MIN_AREA", label, REAL, None, True, 0.0)
    else:
        parameter = kind("MIN_AREA", label, None, "", True, 0.0)
        parameter.setDefaultUnit(core.Qgis.AreaUnit.SquareMeters)
    return explained(
        parameter,
        "A smaller piece joins a neighbour. Real square metres on the ground, whatever the "
        "coordinate system, in degrees too. Empty: the model's own.",
    )


def metres(name: str, label: str, text: str):
    """Make a parameter of metres on the ground that may be empty."""
    parameter = QgsProcessingParameterDistance(name, label, None, "", True, 0.0)
    parameter.setDefaultUnit(QgsUnitTypes.DistanceUnit.DistanceMeters)
    return explained(parameter, text)


def simplify():
    """Make SIMPLIFY."""
    return metres(
        "SIMPLIFY", "Simplification (on the ground)",
        "How far a border may move while it is simplified, in metres on the ground, whatever the "
        "coordinate system. Neighbours keep one common border. Empty: one pixel. 0: keep the "
        "stairs of the pixels.",
    )


def trim():
    """Make TRIM."""
    return advanced(metres(
        "TRIM", "Trim what is narrower (on the ground)",
        "Small bits that hang on a parcel, or reach into it, by a foot narrower than this are cut "
        "off. Empty: four pixels, for a raster of classes 0. 0: nothing is.",
    ))


def parcels():
    """Make PARCELS."""
    return explained(
        QgsProcessingParameterFeatureSink(
            "PARCELS", "Parcels", QgsProcessing.SourceType.TypeVectorPolygon
        ),
        "A temporary layer, a file, or a layer of a database. Other layers of an existing "
        "GeoPackage are kept.",
    )


def lines():
    """Make LINES."""
    return explained(
        QgsProcessingParameterFeatureSink(
            "LINES", "Borders", QgsProcessing.SourceType.TypeVectorLine, None, True, False
        ),
        "The borders as lines, for surveyors to check and edit: each shared border once, with "
        "the parcels on its left and right, its length, and how likely it is.",
    )


def instances():
    """Make INSTANCES."""
    return advanced(choice(
        "INSTANCES", "How parcels part",
        "basins closes gaps in borders; components parts only where a border is complete.",
        ("basins", "components"),
    ))


def device():
    """Make DEVICE."""
    return choice(
        "DEVICE", "Device",
        "Where the network runs: auto, cpu or cuda. auto takes the graphics card where there is "
        "one; the log says which it took.",
        DEVICES,
    )


def tile():
    """Make TILE."""
    return advanced(number(
        "TILE", "Tile size (pixels)",
        "Pixels per side of a tile. The result does not depend on it. Empty: by the plan.",
        kind=WHOLE, least=16, most=16384,
    ))


def batch():
    """Make BATCH."""
    return advanced(number(
        "BATCH", "Tiles per call of the network", "Empty: by the plan.",
        kind=WHOLE, least=1, most=4096,
    ))


def threads():
    """Make THREADS."""
    return advanced(number(
        "THREADS", "Threads on the processor", "Empty: all of them.",
        kind=WHOLE, least=1, most=1024,
    ))


def memory():
    """Make MEMORY."""
    return advanced(number(
        "MEMORY", "Main memory that may be used (MiB)",
        "The run is planned to stay below it, or refused before it starts. Empty: no limit.",
        kind=WHOLE, least=64, most=1 << 24,
    ))


def restart(text: str):
    """Make RESTART."""
    return advanced(explained(QgsProcessingParameterBoolean("RESTART", "Begin anew", False), text))


def scene_parameters() -> tuple:
    """Make the parameters of how a scene is read and predicted."""
    return (
        scene(), model(), bands(), extent(), area_of_interest(), device(),
        tile(), batch(), threads(), memory(),
    )


def is_given(parameters: dict, name: str) -> bool:
    """Say whether a parameter has a value."""
    value = parameters.get(name)
    return value is not None and value != NULL and value != "" and value != []
