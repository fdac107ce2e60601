"""Repositories that aim at the builder while they are cloned."""

from pathlib import Path

import pytest

from builder_service.failures import BuildFailed
from builder_service.git import CloneLimits, Git
from shared.git_link import parse
from tests.builder_service.fetching import bare_repository, commit_entries, fetched
from tests.git_server import (
    GitServer,
    repository_from_tree,
)


def test_folders_in_one_another_without_end_are_refused(server: GitServer, tmp_path: Path) -> None:
    """Whoever walks the tree would give up halfway, and the fault would look like ours."""
    folder = tmp_path / "tree" / "/".join("d" * 150)
    folder.mkdir(parents=True)
    (folder / "x").touch()
    repository_from_tree(server.root, "a", tmp_path / "tree")

    with pytest.raises(BuildFailed, match="more than 100 folders in one another"):
        fetched(server, "a", tmp_path / "c")


def test_links_that_leave_the_tree_are_left_out_and_said(server: GitServer, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "d").mkdir(parents=True)
    (tree / "real").write_text("fine")
    (tree / "inside").symlink_to("real")
    (tree / "passwd").symlink_to("/etc/passwd")
    (tree / "d/up").symlink_to("../../outside")
    (tree / "loop").symlink_to("loop")
    (tree / "folder").symlink_to("/etc")
    repository_from_tree(server.root, "a", tree)

    found = fetched(server, "a", tmp_path / "c")

    left = {path.name for path in found.tree.rglob("*") if path.is_symlink()}
    assert left == {"inside"}
    assert len(found.notes) == 4


def test_hooks_filters_and_submodules_of_a_repository_never_run(
    server: GitServer, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    touch = f"touch {marker}"
    bare = bare_repository(server, "a")
    commit_entries(
        bare,
        [
            ("100644", ".gitattributes", b"* filter=evil\n"),
            ("100644", ".gitconfig", f'[filter "evil"]\n\tsmudge = {touch}\n'.encode()),
            (
                "100644",
                ".gitmodules",
                b'[submodule "x"]\n\tpath = sub\n\turl = https://nowhere.invalid/x/y\n',
            ),
            ("100755", "post-checkout", f"#!/bin/sh\n{touch}\n".encode()),
            ("160000", "sub", b""),
            ("120000", "hooks", b"."),
        ],
    )
    (bare / "hooks").mkdir(exist_ok=True)
    (bare / "hooks/post-checkout").write_text(f"#!/bin/sh\n{touch}\n")
    (bare / "hooks/post-checkout").chmod(0o755)

    found = fetched(server, "a", tmp_path / "c")

    assert not marker.exists()
    assert not (found.tree / "sub").is_dir() or not any((found.tree / "sub").iterdir())


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        (".git", "100644"),
        (".GIT", "100644"),
        ("git~1", "100644"),
        ("..", "100644"),
        (".g\u200cit", "100644"),
    ],
)
def test_file_names_that_aim_at_gits_own_folder_are_refused(
    server: GitServer, tmp_path: Path, path: str, mode: str
) -> None:
    bare = bare_repository(server, "a")
    commit_entries(
        bare, [(mode, path, b"[core]\n\tfsmonitor = touch /tmp/never\n"), ("100644", "x", b"1")]
    )

    with pytest.raises(BuildFailed, match="unsafe"):
        fetched(server, "a", tmp_path / "c")


@pytest.mark.parametrize("url", ["-u./evil", "--upload-pack=./evil", "ext::sh -c ./evil"])
def test_a_hostile_submodule_address_is_refused_or_ignored(
    server: GitServer, tmp_path: Path, url: str
) -> None:
    bare = bare_repository(server, "a")
    modules = f'[submodule "x"]\n\tpath = sub\n\turl = {url}\n'
    commit_entries(bare, [("100644", ".gitmodules", modules.encode()), ("160000", "sub", b"")])

    try:
        found = fetched(server, "a", tmp_path / "c")
    except BuildFailed as refusal:
        assert "unsafe" in str(refusal)
    else:
        assert not any(path.is_file() for path in (found.tree / "sub").rglob("*"))


def test_git_learns_nothing_of_this_process(
    server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_SSH_COMMAND", "touch /tmp/never")
    monkeypatch.setenv("TOOLYARD_TOKEN", "secret")
    link = parse(server.link("a"), {server.address})

    git_ = Git(tmp_path, link, "127.0.0.1", CloneLimits())

    assert "secret" not in git_.environment().values()
    assert git_.environment()["GIT_SSH_COMMAND"] == "/bin/false"
    flags = " ".join(git_.argv("fetch"))
    for needed in (
        "core.hooksPath=/dev/null", "protocol.allow=never", "http.followRedirects=false",
        f"http.curloptResolve=127.0.0.1:{server.port}:127.0.0.1", "submodule.recurse=false",
        "fetch.fsckObjects=true", "credential.helper= ",
    ):  # fmt: skip
        assert needed in flags
