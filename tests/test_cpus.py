import pytest

from geoseg.cpus import usable_cpus


@pytest.mark.parametrize(
    ("text", "most"), [("max 100000", 1 << 20), ("150000 100000", 1), ("50000 100000", 1)]
)
def test_a_container_s_share_of_the_processors_is_kept(tmp_path, text, most):
    (tmp_path / "cpu.max").write_text(text)
    assert 1 <= usable_cpus(tmp_path / "cpu.max") <= most
