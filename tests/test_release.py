import re
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
if not LOCK.exists():
    pytest.skip("no source tree", allow_module_level=True)
LINES = [one for one in LOCK.read_text("utf-8").splitlines() if not one.startswith("#")]


def name_of(requirement):
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


def test_every_line_of_the_lock_has_one_version_and_a_hash():
    assert all(re.fullmatch(r"[\w.-]+==[\w.+]+ --hash=sha256:[0-9a-f]{64}", one) for one in LINES)


def test_the_lock_names_no_place_to_download_from():
    assert not re.search(r"://|index|find-links", LOCK.read_text("utf-8"))


def test_the_lock_has_all_that_geoseg_needs():
    setup = ConfigParser(comment_prefixes=("#",))
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    wanted = setup["options"]["install_requires"].split("\n")
    needed = {name_of(one.strip()) for one in wanted if one.strip()}
    assert needed <= {name_of(one) for one in LINES}


def test_the_lock_has_the_versions_that_tests_run_with():
    tested = dict(one.split("==") for one in (ROOT / "constraints.txt").read_text().split())
    tested = {name_of(name): version for name, version in tested.items()}
    for one in LINES:
        name, version = one.split(" ")[0].split("==")
        assert version.split("+")[0] == tested.get(name_of(name), version.split("+")[0]), name
