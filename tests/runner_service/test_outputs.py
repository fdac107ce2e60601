"""Collecting files from a folder that a stranger has filled."""

import hashlib
import os
from pathlib import Path

import pytest

from runner_service.outputs import MAX_DEPTH, Outputs
from runner_service.record import Staged
from runner_service.staging import staged_file


def collect(
    folder: Path, staged: Staged | None = None, files: int = 100, size: int = 10_000
) -> tuple[dict[str, bytes], list[str]]:
    outputs = Outputs(staged or Staged(files={}), max_files=files, max_bytes=size)
    found = {}
    for one in outputs.walk(folder):
        with os.fdopen(one.descriptor, "rb") as file:
            file.seek(0)
            found[one.path] = file.read()
    return found, outputs.skipped.sentences()


def test_links_are_never_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    work = tmp_path / "work"
    work.mkdir()
    (work / "file").symlink_to(secret)
    (work / "folder").symlink_to(tmp_path)
    (work / "up").symlink_to("..")
    (work / "hard").hardlink_to(secret)
    assert collect(work) == (
        {},
        [
            "‘file’ is a symbolic link",
            "‘folder’ is a symbolic link",
            "‘hard’ is one of 2 hard links to a file",
            "‘up’ is a symbolic link",
        ],
    )


def test_a_folder_that_is_itself_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "work").symlink_to("/etc")
    with pytest.raises(OSError):
        collect(tmp_path / "work")


def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert collect(tmp_path) == ({}, ["‘pipe’ is a named pipe"])


def test_a_sparse_file_is_measured_by_its_length(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 42)
    (tmp_path / "tiny").write_text("x")
    found, skipped = collect(tmp_path)
    assert found == {"tiny": b"x"}
    assert "it is sparse" in skipped[0]


def test_files_beyond_the_limits_are_told(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"f{number}").write_bytes(b"x" * 10)
    assert set(collect(tmp_path, size=25)[0]) == {"f0", "f1"}
    found, skipped = collect(tmp_path, files=3)
    assert set(found) == {"f0", "f1", "f2"}
    assert skipped == ["‘.’ has more than 3 entries; the first by name were looked at"]


def test_too_deep_is_told(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(MAX_DEPTH + 2):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "file").write_text("x")
    found, skipped = collect(tmp_path)
    assert found == {}
    assert len(skipped) == 1 and f"more than {MAX_DEPTH} folders deep" in skipped[0]


def test_an_input_is_an_output_only_when_its_bytes_changed(tmp_path: Path) -> None:
    files = {}
    for name in ("idle", "touched", "changed"):
        (tmp_path / name).write_text(name)
        sha256 = hashlib.sha256(name.encode()).hexdigest()
        files[name] = staged_file((tmp_path / name).stat(), sha256)
    (tmp_path / "touched").write_text("touched")
    times = (tmp_path / "changed").stat()
    with (tmp_path / "changed").open("r+") as file:
        file.write("CHANGED")
    os.utime(tmp_path / "changed", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert set(collect(tmp_path, Staged(files=files))[0]) == {"changed"}


def test_names_of_all_kinds(tmp_path: Path) -> None:
    raw = [b"new\nline", b"bad\xff", "\u202ertl".encode(), b" ", b"-rf"]
    for name in raw:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text("x")
    assert sorted(os.fsencode(path) for path in collect(tmp_path)[0]) == sorted(raw)


def test_a_hundred_sentences_and_a_count(tmp_path: Path) -> None:
    for number in range(150):
        (tmp_path / f"l{number:03}").symlink_to("/etc/passwd")
    skipped = collect(tmp_path, files=1000)[1]
    assert len(skipped) == 101
    assert skipped[-1] == "50 more were not kept"
