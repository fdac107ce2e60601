"""How much a stranger's folder holds, whatever is in it."""

import os
from pathlib import Path

import pytest

from shared.written import DEEPEST, TooDeep, Written, measure

MOST = Written(1 << 40, 1_000_000)


def test_bytes_and_entries_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b").write_bytes(bytes(100_000))
    (tmp_path / "link").symlink_to("/")

    found = measure(tmp_path, MOST)

    assert found.files == 3
    assert 100_000 <= found.bytes < 130_000


def test_a_hole_counts_as_filled_and_a_second_name_does_not(tmp_path: Path) -> None:
    with (tmp_path / "hole").open("wb") as file:
        file.truncate(1 << 30)
    before = measure(tmp_path, MOST)
    for number in range(10):
        os.link(tmp_path / "hole", tmp_path / str(number))

    after = measure(tmp_path, MOST)

    assert (before.bytes, before.files) == (1 << 30, 1)
    assert (after.bytes, after.files) == (1 << 30, 11)


def test_counting_ends_where_it_is_too_much(tmp_path: Path) -> None:
    for number in range(2500):
        (tmp_path / str(number)).touch()

    assert 1000 < measure(tmp_path, Written(1 << 40, 1000)).files <= 2000


def test_folders_in_one_another_have_an_end(tmp_path: Path) -> None:
    deepest = tmp_path
    for _ in range(DEEPEST):
        deepest /= "d"
    deepest.mkdir(parents=True)
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert measure(tmp_path, MOST).files == DEEPEST

    (deepest / "d").mkdir()
    with pytest.raises(TooDeep):
        measure(tmp_path, MOST)

    assert len(list(Path("/proc/self/fd").iterdir())) == before
