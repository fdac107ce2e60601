"""Working folders with a limit: quick to make, found again, gone without a trace."""

import os
import subprocess
from pathlib import Path

import pytest

from shared import loop_device
from shared.quota import Quotas

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")

SIZE, FILES = 8 << 20, 100


def test_a_folder_belongs_to_the_sandbox_and_ends_at_its_size(tmp_path: Path) -> None:
    quotas = Quotas(tmp_path)
    folder = quotas.make("a", SIZE, FILES)
    try:
        written = 0
        with pytest.raises(OSError, match="No space left"), (folder / "f").open("wb", 0) as file:
            while True:
                written += file.write(bytes(1 << 16))
        assert SIZE <= written < SIZE + (5 << 20)
        assert (folder.stat().st_uid, folder.stat().st_gid) == (65532, 65532)
        assert os.statvfs(folder).f_flag & os.ST_NOSUID
        (folder / "f").unlink()
        with pytest.raises(OSError, match="No space left"):
            for n in range(10 * FILES):
                (folder / str(n)).touch()
        assert FILES <= len(list(folder.iterdir())) < FILES + 50
    finally:
        quotas.remove("a")
    assert not folder.exists()
    assert quotas.names() == []
    assert str(tmp_path) not in subprocess.check_output(["losetup", "-a"], text=True)


def test_a_successor_finds_the_folder_with_what_is_in_it(tmp_path: Path) -> None:
    folder = Quotas(tmp_path).make("a", SIZE, FILES)
    (folder / "kept").write_text("x")

    successor = Quotas(tmp_path)
    try:
        assert successor.names() == ["a"]
        assert (successor.make("a", SIZE, FILES) / "kept").read_text() == "x"
    finally:
        successor.remove("a")
        successor.remove("a")


def test_what_was_cut_off_before_the_mount_is_made_again(tmp_path: Path) -> None:
    quotas = Quotas(tmp_path)
    quotas.path("a").mkdir()
    (tmp_path / "a.img").write_bytes(b"half")

    assert quotas.names() == ["a"]
    folder = quotas.make("a", SIZE, FILES)
    try:
        assert os.path.ismount(folder)
        assert list(folder.iterdir()) == []
    finally:
        quotas.remove("a")


def test_two_folders_share_nothing(tmp_path: Path) -> None:
    quotas = Quotas(tmp_path)
    first, second = quotas.make("a", SIZE, FILES), quotas.make("b", SIZE, FILES)
    try:
        (first / "x").write_text("1")
        assert list(second.iterdir()) == []
    finally:
        quotas.remove("a")
        quotas.remove("b")


def test_where_loop_devices_are_missing_memory_holds_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(image: Path, folder: Path) -> None:
        raise OSError("no loop devices here")

    monkeypatch.setattr(loop_device, "mount_image", missing)
    quotas = Quotas(tmp_path)
    folder = quotas.make("a", SIZE, FILES)
    try:
        with pytest.raises(OSError, match="No space left"):
            (folder / "f").write_bytes(bytes(SIZE + 4096))
        assert folder.stat().st_uid == 65532
    finally:
        quotas.remove("a")
    assert not folder.exists()
