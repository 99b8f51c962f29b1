import os

import pytest

from geoseg.errors import OptionError, OutputError
from geoseg.run.journal import HEAD, Journal

FACTS = {"model": "a", "tile": 64}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal"


def fill(path, n, facts=FACTS):
    with Journal(path, facts) as journal:
        for i in range(n):
            journal.add({"i": i}, bytes([i]) * (i * 100))


def numbers(path, facts=FACTS):
    with Journal(path, facts) as journal:
        for entry in journal.entries:
            i = entry.values["i"]
            assert journal.read(entry) == bytes([i]) * (i * 100)
        return [entry.values["i"] for entry in journal.entries]


def test_entries_come_back_in_order_with_their_data(path):
    fill(path, 5)
    assert numbers(path) == [0, 1, 2, 3, 4]


def test_a_part_of_the_data_can_be_read(path):
    with Journal(path, FACTS) as journal:
        journal.add({}, b"0123456789")
        assert journal.read(journal.entries[0], 3, 7) == b"3456"


def test_a_journal_that_was_cut_anywhere_gives_the_entries_before_the_cut(path):
    ends = [0]
    for n in range(4):
        path.unlink(missing_ok=True)
        fill(path, n)
        ends.append(path.stat().st_size)
    whole = path.read_bytes()
    for cut in range(0, len(whole) + 1):
        path.write_bytes(whole[:cut])
        assert len(numbers(path)) == max(0, sum(end <= cut for end in ends) - 2), cut


def test_a_flipped_bit_anywhere_ends_the_journal_there_and_never_gives_wrong_data(path):
    fill(path, 4)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        kept = numbers(path)
        assert kept == list(range(len(kept)))


def test_what_follows_a_cut_is_overwritten(path):
    fill(path, 3)
    os.truncate(path, path.stat().st_size - 1)
    with Journal(path, FACTS) as journal:
        journal.add({"i": 2}, bytes([2]) * 200)
    assert numbers(path) == [0, 1, 2]


def test_a_length_that_lies_does_not_take_memory(path):
    fill(path, 1)
    with path.open("ab") as file:
        file.write(HEAD.pack(b"GSJ1", 2, 0, 1 << 62, 0) + b"{}")
    assert numbers(path) == [0]


def test_other_facts_are_refused_with_the_keys_that_differ(path):
    fill(path, 1)
    with pytest.raises(OptionError) as refused:
        Journal(path, {"model": "b", "tile": 64, "layer": "x"})
    said = str(refused.value)
    assert 'model: "a" -> "b"' in said and 'layer: null -> "x"' in said
    assert "tile" not in said and "--restart" in said
    assert numbers(path) == [0]


def test_a_journal_without_entries_takes_other_facts(path):
    fill(path, 0)
    assert numbers(path, {"model": "b"}) == []


def test_a_link_in_place_of_the_journal_is_not_followed(path, tmp_path):
    (tmp_path / "victim").write_bytes(b"precious")
    path.symlink_to(tmp_path / "victim")
    with pytest.raises(OutputError):
        Journal(path, FACTS)
    assert (tmp_path / "victim").read_bytes() == b"precious"


def test_a_full_disk_is_said_and_what_was_added_before_stays(path):
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    fill(path, 2)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 1000, old[1]))
    try:
        with Journal(path, FACTS) as journal, pytest.raises(OutputError, match="File too large"):
            journal.add({"i": 2}, bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert numbers(path) == [0, 1]
