"""The box for a model: bundled models in a list, and a button for model files."""

from __future__ import annotations

import json

from processing.gui.wrappers import WidgetWrapper, WidgetWrapperFactory
from qgis.core import QgsApplication
from qgis.PyQt.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QToolButton, QWidget

from .engine import engine_file
from .parameters import MODEL, MODEL_SUFFIXES


def bundled_models() -> list:
    """List the bundled models as `geoseg qgis install` found them."""
    try:
        with open(engine_file(QgsApplication.qgisSettingsDirPath()), encoding="utf-8") as file:
            names = [str(name) for name in json.load(file).get("models", [])]
    except (OSError, ValueError, AttributeError):
        names = []
    return names or [MODEL]


class ModelWidget:
    """Gives the box that suits the dialog; QGIS makes an object of it and takes what it gets."""

    alive: list = []

    def __new__(cls, parameter, dialog, row=0, column=0, **settings):
        """Give our box; in the model designer QGIS's own, which can name inputs of the model."""
        if type(dialog).__name__ != "ModelerParametersDialog":
            return ModelBox(parameter, dialog, row, column)
        plain = parameter.clone()
        plain.setMetadata({})
        cls.alive = [*cls.alive[-99:], plain]
        return WidgetWrapperFactory.create_wrapper(plain, dialog, row, column)


class ModelBox(WidgetWrapper):
    """A list that can be typed into, and a button that looks for a file."""

    def createWidget(self):
        """Make the box."""
        self.names = QComboBox()
        self.names.setEditable(True)
        self.names.addItems(bundled_models())
        self.names.currentTextChanged.connect(lambda: self.widgetValueHasChanged.emit(self))
        button = QToolButton()
        button.setText("…")
        button.clicked.connect(self._browse)
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.names, 1)
        row.addWidget(button)
        return box

    def setValue(self, value):
        """Show a value."""
        self.names.setCurrentText("" if value is None else str(value))

    def value(self):
        """Give the value."""
        return self.names.currentText().strip()

    def _browse(self):
        chosen, _ = QFileDialog.getOpenFileName(
            self.names, "Model file", "", f"Models (*{' *'.join(MODEL_SUFFIXES)});;All files (*)"
        )
        if chosen:
            self.names.setCurrentText(chosen)
