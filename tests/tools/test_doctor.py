"""What `geoseg doctor` finds."""

import sys

import pytest

from geoseg.tools.doctor import doctor
from geoseg.tools.qgis import ENGINE, install

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="XDG_DATA_HOME is Linux's")


@pytest.fixture
def profile(tmp_path, monkeypatch):
    """Give the folder of the profile that the plugin is put into."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path / "QGIS" / "QGIS3" / "profiles" / "default"


def qgis():
    return [check for check in doctor() if check.name == "qgis"]


def test_a_sound_installation_needs_nothing_done(profile):
    assert all(check.ok for check in doctor())
    (check,) = qgis()
    assert "geoseg qgis install puts it there" in check.text


def test_the_plugin_s_engine_is_named(profile):
    install()
    (check,) = qgis()
    assert check.ok and check.text == f"the plugin in profile default starts {sys.executable}"


@pytest.mark.parametrize(
    ("engine", "text"),
    [
        ('{"python": "/gone/python", "version": "0.1.0"}', "starts /gone/python, which is not"),
        ("{", "starts nothing, which is not there"),
        (f'{{"python": "{sys.executable}", "version": "0.0.1"}}', "is of geoseg 0.0.1"),
    ],
)
def test_a_plugin_without_its_engine_is_found_and_the_cure_said(profile, engine, text):
    install()
    (profile / ENGINE).write_text(engine)
    (check,) = qgis()
    assert not check.ok and text in check.text
    assert check.text.endswith(f"{sys.executable} -m geoseg qgis install --profile default")
