"""The Git server of the tests and the demo serves what was put in, the same anywhere."""

import subprocess
import tarfile
from pathlib import Path

from tests.git_server import (
    ENVIRONMENT,
    GitServer,
    repository_from_archive,
    repository_from_files,
)


def clone(link: str, into: Path, *options: str) -> None:
    subprocess.run(
        ["git", "clone", "--quiet", *options, link, str(into)],
        env=ENVIRONMENT,
        check=True,
        capture_output=True,
    )


def test_a_clone_has_the_files_modes_and_tags(tmp_path: Path) -> None:
    files = {"tool.sh": "#!/bin/sh\necho hi\n", "docs/a b.txt": b"\x00\xff"}
    repository_from_files(tmp_path, "tool", files, executable=["tool.sh"], tags=["v1.2.3"])

    with GitServer(tmp_path) as server:
        clone(server.link("tool"), tmp_path / "clone")

    assert (tmp_path / "clone/docs/a b.txt").read_bytes() == b"\x00\xff"
    assert (tmp_path / "clone/tool.sh").stat().st_mode & 0o111
    assert (tmp_path / "clone/.git/refs/tags/v1.2.3").exists() or "v1.2.3" in (
        tmp_path / "clone/.git/packed-refs"
    ).read_text()


def test_a_shallow_clone_works(tmp_path: Path) -> None:
    repository_from_files(tmp_path, "tool", {"a": "1"})
    repository_from_files(tmp_path, "tool", {"a": "2"})

    with GitServer(tmp_path) as server:
        clone(server.link("tool"), tmp_path / "clone", "--depth=1")

    assert (tmp_path / "clone/a").read_text() == "2"
    assert (tmp_path / "clone/.git/shallow").exists()


def test_the_same_files_give_the_same_commit(tmp_path: Path) -> None:
    heads = [
        (repository_from_files(tmp_path / n, "tool", {"a": "1"}) / "refs/heads/main").read_text()
        for n in ("one", "two")
    ]

    assert heads[0] == heads[1]


def test_an_archive_loses_its_top_folder_and_what_is_left_out(tmp_path: Path) -> None:
    tree = tmp_path / "tool-1.0"
    tree.mkdir()
    (tree / "main.py").write_text("print()\n")
    (tree / "pyproject.toml").write_text("[project]\n")
    with tarfile.open(tmp_path / "tool-1.0.tar.gz", "w:gz") as tar:
        tar.add(tree, "tool-1.0")
    repository_from_archive(
        tmp_path, "tool", tmp_path / "tool-1.0.tar.gz", without=["pyproject.toml"]
    )

    with GitServer(tmp_path) as server:
        clone(server.link("tool"), tmp_path / "clone")

    assert (tmp_path / "clone/main.py").exists()
    assert not (tmp_path / "clone/pyproject.toml").exists()
