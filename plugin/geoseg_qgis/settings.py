"""The one setting, and where QGIS keeps what the engine is found by."""

from __future__ import annotations

import os
import shutil

from qgis.core import QgsApplication, QgsSettings

from .engine import Engine, find_engine

GROUP = "geoseg"
PYTHON = "GEOSEG_PYTHON"


def add() -> None:
    """Show the setting under Settings, Options, Processing, Providers."""
    from processing.core.ProcessingConfig import ProcessingConfig, Setting

    ProcessingConfig.settingIcons[GROUP] = QgsApplication.getThemeIcon("/processingAlgorithm.svg")
    text = "Python that geoseg is installed in (empty: where geoseg qgis install was called)"
    ProcessingConfig.addSetting(Setting(GROUP, PYTHON, text, "", valuetype=Setting.FILE))
    ProcessingConfig.readSettings()


def remove() -> None:
    """Take the setting away."""
    from processing.core.ProcessingConfig import ProcessingConfig

    ProcessingConfig.removeSetting(PYTHON)


def engine() -> Engine:
    """Find the engine; raises MissingEngine with what to type."""
    return find_engine(
        setting=str(QgsSettings().value(f"Processing/Configuration/{PYTHON}", "") or ""),
        variable=os.environ.get(PYTHON, ""),
        profile=QgsApplication.qgisSettingsDirPath(),
        on_path=shutil.which("geoseg") or "",
    )
