"""Downloads stay below the folder that was asked for, whatever a tool called its files."""

from pathlib import Path

import pytest

from cli.failures import Failure
from cli.outputs_folder import write


def test_files_and_folders_are_written(tmp_path: Path) -> None:
    write(tmp_path / "files", "a/b c\n.txt", [b"1", b"2"])

    assert (tmp_path / "files/a/b c\n.txt").read_bytes() == b"12"


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/x", "", "a\0b"])
def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(Failure):
        write(tmp_path / "files", path, [b"1"])

    assert not (tmp_path / "x").exists()


def test_links_in_the_folder_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("kept")
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "link").symlink_to(outside)
    (folder / "file").symlink_to(outside / "file")

    with pytest.raises(Failure):
        write(folder, "link/file", [b"changed"])
    write(folder, "file", [b"changed"])

    assert (outside / "file").read_text() == "kept"
    assert (folder / "file").read_text() == "changed"
