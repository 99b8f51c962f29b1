import numpy as np
import pytest

from geoseg.errors import OptionError, OutputError
from geoseg.run import blob
from geoseg.run.store import Bucket, Folder, open_store


@pytest.fixture(params=["folder", "memory"])
def store(request, tmp_path):
    if request.param == "folder":
        return open_store(tmp_path / "store")
    pytest.importorskip("fsspec")
    return open_store(f"memory://{tmp_path.name}")


def test_objects_are_read_back_whole_and_in_part(store):
    assert store.names() == set()
    store.put("a", b"0123456789")
    store.put("b", b"")
    assert store.names() == {"a", "b"}
    assert store.get("a") == b"0123456789"
    assert store.get("a", 3, 5) == b"34"
    assert store.get("a", 8, 99) == b"89"


def test_an_object_that_is_not_there_is_an_output_error_with_its_name(store):
    with pytest.raises(OutputError, match="none.shard cannot be read"):
        store.get("none.shard")


def test_a_folder_shows_an_object_only_when_it_is_whole(tmp_path):
    (tmp_path / "store").write_bytes(b"a file in place of the folder")
    with pytest.raises(OutputError, match="cannot be written"):
        Folder(tmp_path / "store").put("a", b"x")
    store = Folder(tmp_path / "good")
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / ".a.123.partial").write_bytes(b"half")
    assert store.names() == set()


def test_a_url_of_no_known_service_is_refused(tmp_path):
    with pytest.raises(OptionError, match="needs another package"):
        Bucket("nowhere://x")


def packed():
    pieces = {"a": (np.arange(9), np.ones(3, np.uint8)), "b": np.eye(2)}
    return bytearray(blob.pack({"n": 1}, pieces))


def test_arrays_come_back_as_they_were():
    data = bytes(packed())
    read = lambda start, stop: data[start:stop]  # noqa: E731
    index = blob.read_index(read, "x")
    nine, ones = index.arrays(read, "a")
    assert index.about == {"n": 1} and (nine == np.arange(9)).all() and ones.tolist() == [1, 1, 1]
    assert (index.arrays(read, "b")[0] == np.eye(2)).all()


def test_every_flipped_byte_and_every_cut_is_found():
    whole = packed()

    def read_all(data):
        read = lambda start, stop: bytes(data[start:stop])  # noqa: E731
        index = blob.read_index(read, "x")
        return [index.arrays(read, name) for name in ("a", "b")]

    read_all(whole)
    for place in range(len(whole)):
        broken = whole.copy()
        broken[place] ^= 0x10
        with pytest.raises(OutputError, match="x is damaged"):
            read_all(broken)
    for length in range(len(whole)):
        with pytest.raises(OutputError, match="x is damaged"):
            read_all(whole[:length])
