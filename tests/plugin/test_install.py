import errno
import json
import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import geoseg
from geoseg.cli.main import cli
from geoseg.errors import OptionError, OutputError
from geoseg.tools.qgis import handshake, install, uninstall

SETTINGS = "[core]\nlanguage=de\n[PythonPlugins]\nother=true\n\n[qgis]\nname=\\xe4\n"


def settings_of(folder):
    return (folder / "default" / "QGIS" / "QGIS3.ini").read_text()


def test_the_plugin_is_copied_switched_on_and_pointed_here(tmp_path):
    (place,) = install(profiles_folder=tmp_path)
    assert place == tmp_path / "default" / "python" / "plugins" / "geoseg_qgis"
    assert (place / "metadata.txt").is_file() and (place / "algorithms" / "segment.py").is_file()
    engine = json.loads((tmp_path / "default" / "geoseg" / "engine.json").read_text())
    assert engine["python"] == sys.executable and engine["version"] == geoseg.__version__
    assert settings_of(tmp_path) == "[PythonPlugins]\ngeoseg_qgis=true\n"


def test_other_settings_stay_as_they_are(tmp_path):
    path = tmp_path / "default" / "QGIS" / "QGIS3.ini"
    path.parent.mkdir(parents=True)
    path.write_text(SETTINGS)
    install(profiles_folder=tmp_path)
    install(profiles_folder=tmp_path)
    on = "[PythonPlugins]\ngeoseg_qgis=true\n"
    assert settings_of(tmp_path) == SETTINGS.replace("[PythonPlugins]\n", on)


def test_a_full_disk_leaves_the_settings_of_qgis_as_they_were(tmp_path, monkeypatch):
    path = tmp_path / "default" / "QGIS" / "QGIS3.ini"
    path.parent.mkdir(parents=True)
    path.write_text(SETTINGS)
    sync = os.fsync

    def full(descriptor):
        partial = path.with_name(".QGIS3.partial.ini")
        if partial.exists() and os.path.samestat(os.fstat(descriptor), partial.stat()):
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(descriptor)

    install(profiles_folder=tmp_path)
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="QGIS3.ini cannot be written: No space"):
        uninstall(profiles_folder=tmp_path)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_an_older_plugin_is_replaced_whole(tmp_path):
    (place,) = install(profiles_folder=tmp_path)
    (place / "left_over.py").write_text("")
    install(profiles_folder=tmp_path)
    assert not (place / "left_over.py").exists()
    assert [one.name for one in place.parent.iterdir()] == ["geoseg_qgis"]


def test_uninstall_leaves_nothing_of_the_plugin(tmp_path):
    (place,) = install(profiles_folder=tmp_path)
    assert uninstall(profiles_folder=tmp_path) == [place]
    assert not place.exists() and not (tmp_path / "default" / "geoseg").exists()
    assert settings_of(tmp_path) == "[PythonPlugins]\ngeoseg_qgis=false\n"
    assert uninstall(profiles_folder=tmp_path) == []


def test_an_unknown_profile_is_refused_with_those_there_are(tmp_path):
    (tmp_path / "work").mkdir()
    with pytest.raises(OptionError, match="no profile 'home'; there are: work"):
        install(profile="home", profiles_folder=tmp_path)


def test_the_profile_that_qgis_opened_last_is_taken(tmp_path):
    (tmp_path / "survey").mkdir()
    (tmp_path / "profiles.ini").write_text("[core]\nlastProfile=survey\nselectionPolicy=0\n")
    (place,) = install(profiles_folder=tmp_path)
    assert place.is_relative_to(tmp_path / "survey")


def test_both_generations_of_qgis_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("QGIS3", "QGIS4"):
        (tmp_path / "QGIS" / name / "profiles").mkdir(parents=True)
    assert len(install()) == 2
    assert (tmp_path / "QGIS/QGIS4/profiles/default/QGIS/QGIS4.ini").is_file()


def test_the_command_says_where_and_what_next(tmp_path):
    shown = CliRunner().invoke(cli, ["qgis", "install", "--profiles-folder", str(tmp_path)])
    assert shown.exit_code == 0 and "Segment parcels" in shown.stdout
    assert str(Path("default", "python", "plugins", "geoseg_qgis")) in shown.stdout


@pytest.mark.parametrize(("plugin", "fits"), [("0.1.0", True), ("0.1.9", True), ("0.2.0", False)])
def test_the_engine_says_which_plugin_fits(plugin, fits):
    answer = handshake(plugin)
    assert answer["fits"] is fits and answer["version"] == geoseg.__version__
    assert fits or "qgis install" in answer["advice"]
