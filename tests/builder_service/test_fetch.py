"""Cloning from a real `git http-backend`: exact commits, clear refusals, nothing left by hostile repositories."""

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from builder_service.failures import BuildFailed, Cancelled
from builder_service.fetch import Fetched, Source, fetch
from builder_service.git import CloneLimits, Git, TooBig, TooSlow
from builder_service.resolve import pin
from shared.git_link import parse
from tests.git_server import (
    ENVIRONMENT,
    GitServer,
    git,
    repository_from_files,
    repository_from_tree,
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "served") as running:
        yield running


def fetched(
    server: GitServer,
    name: str,
    into: Path,
    *,
    ref: str | None = None,
    folder: str = "",
    limits: CloneLimits | None = None,
    cancelled: threading.Event | None = None,
) -> Fetched:
    allowed = {server.address}
    source = Source(allowed=allowed, limits=limits or CloneLimits(seconds=30))
    link = parse(server.link(name), allowed)
    return fetch(link, ref, folder, into, source, cancelled=cancelled)


def head(bare: Path, name: str = "main") -> str:
    return git("rev-parse", f"{name}^{{commit}}", folder=bare)


def test_the_default_branch_arrives_at_its_commit(server: GitServer, tmp_path: Path) -> None:
    bare = repository_from_files(server.root, "a", {"x.py": "1", "d/y": "2"}, executable=["x.py"])

    found = fetched(server, "a", tmp_path / "c")

    assert (found.commit, found.ref) == (head(bare), "main")
    assert (found.tree / "d/y").read_text() == "2"
    assert os.access(found.tree / "x.py", os.X_OK)
    assert not (found.tree / ".git").exists()


def test_tags_branches_with_slashes_and_commits_are_found(
    server: GitServer, tmp_path: Path
) -> None:
    bare = repository_from_files(server.root, "a", {"x": "1"}, tags=["v1.0"])
    first = head(bare)
    repository_from_files(server.root, "a", {"x": "2", "tools/y": "3"})
    git("branch", "feature/new", "main", folder=bare)

    assert fetched(server, "a", tmp_path / "1", ref="v1.0").commit == first
    assert fetched(server, "a", tmp_path / "2", ref=first).commit == first
    assert fetched(server, "a", tmp_path / "3", ref=first[:10]).commit == first
    by_page = fetched(server, "a", tmp_path / "4", ref="feature", folder="new/tools")
    assert (by_page.ref, by_page.folder, by_page.commit) == ("feature/new", "tools", head(bare))


@pytest.mark.parametrize(
    ("tags", "more_commits", "version"),
    [
        (["v1.4"], 0, "1.4"),
        (["v1.4", "v1.4.1"], 0, "1.4.1"),
        (["v1.4"], 2, "1.5.dev2+g"),
        ([], 1, "0.1.dev0+g"),
    ],
)
def test_the_version_is_computed_from_tags(
    server: GitServer, tmp_path: Path, tags: list[str], more_commits: int, version: str
) -> None:
    repository_from_files(server.root, "a", {"x": "0"}, tags=tags)
    for number in range(more_commits):
        repository_from_files(server.root, "a", {"x": f"more {number}"})

    assert fetched(server, "a", tmp_path / "c").version().startswith(version)


@pytest.mark.parametrize(
    ("ref", "folder", "sentence"),
    [
        ("nope", "", "no branch, tag or commit named nope"),
        ("f" * 40, "", "no commit f"),
        ("abcdef1", "", "no commit abcdef1"),
        (None, "missing", "no folder missing at main"),
    ],
)
def test_what_is_not_there_is_named(
    server: GitServer, tmp_path: Path, ref: str | None, folder: str, sentence: str
) -> None:
    repository_from_files(server.root, "a", {"x": "1"})

    with pytest.raises(BuildFailed, match=sentence):
        fetched(server, "a", tmp_path / "c", ref=ref, folder=folder)


def test_an_unknown_repository_is_told(server: GitServer, tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match="was not found"):
        fetched(server, "nobody", tmp_path / "c")


def test_an_empty_repository_is_told(server: GitServer, tmp_path: Path) -> None:
    bare = server.root / "a.git"
    bare.mkdir()
    git("init", "--quiet", "--bare", folder=bare)

    with pytest.raises(BuildFailed, match="is empty"):
        fetched(server, "a", tmp_path / "c")


def test_an_unreachable_host_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers
        port = taken.getsockname()[1]
        allowed = {f"127.0.0.1:{port}"}

        with pytest.raises(BuildFailed, match="does not answer"):
            fetch(
                parse(f"http://127.0.0.1:{port}/x.git", allowed),
                None,
                "",
                tmp_path / "c",
                Source(allowed),
            )


def test_an_unknown_host_is_told() -> None:
    def nowhere(host: str, port: int) -> list[str]:
        raise socket.gaierror("unknown")

    with pytest.raises(BuildFailed, match="cannot be found"):
        pin(parse("https://git.example.org/a"), (), nowhere)


class Answering:
    """An HTTP server that answers everything alike and counts."""

    def __init__(
        self, status: int, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> None:
        outer = self
        self.asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "Answering":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def failing(address: str, into: Path) -> str:
    allowed = {address}
    with pytest.raises(BuildFailed) as failure:
        fetch(parse(f"http://{address}/a.git", allowed), None, "", into, Source(allowed))
    return str(failure.value)


def test_a_redirect_is_not_followed(server: GitServer, tmp_path: Path) -> None:
    repository_from_files(server.root, "a", {"x": "1"})
    with Answering(200) as canary:
        to = f"http://{canary.address}/a.git/info/refs?service=git-upload-pack"
        with Answering(302, {"Location": to}) as host:
            assert "redirected" in failing(host.address, tmp_path / "c")
        assert canary.asked == []


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(401, "store an access token"), (404, "not found"), (503, "error of its own")],
)
def test_a_hosts_refusal_becomes_a_sentence(tmp_path: Path, status: int, sentence: str) -> None:
    with Answering(status) as host:
        assert sentence in failing(host.address, tmp_path / "c")


def test_a_web_page_is_no_repository(tmp_path: Path) -> None:
    with Answering(200, {"Content-Type": "text/html"}, b"<html>hello</html>") as host:
        assert "no Git repository at this address" in failing(host.address, tmp_path / "c")


@pytest.mark.parametrize(
    "addresses",
    [
        ["10.0.0.7"],
        ["93.184.216.34", "192.168.0.1"],
        ["100.64.1.1"],
        ["::1"],
        ["64:ff9b::a00:1"],
        ["203.0.113.80"],
    ],
)
def test_a_name_that_leads_to_a_private_address_is_refused(addresses: list[str]) -> None:
    link = parse("https://git.example.org/a")

    with pytest.raises(BuildFailed, match="Only public Git hosts"):
        pin(link, (), lambda host, port: addresses)
    assert pin(link, {"git.example.org:443"}, lambda host, port: addresses) in addresses


def test_no_setting_opens_the_metadata_service() -> None:
    with pytest.raises(BuildFailed, match="metadata"):
        pin(
            parse("https://git.example.org/a"),
            {"git.example.org:443"},
            lambda h, p: ["169.254.169.254"],
        )


def test_git_connects_to_the_checked_address_only(server: GitServer, tmp_path: Path) -> None:
    """The name resolves to nothing at all for Git; the pin alone brings it there."""
    repository_from_files(server.root, "a", {"x": "1"})
    authority = f"git.pinned.invalid:{server.port}"
    source = Source(allowed={authority}, lookup=lambda host, port: ["127.0.0.1"])

    found = fetch(parse(f"http://{authority}/a.git", {authority}), None, "", tmp_path / "c", source)

    assert (found.tree / "x").exists()


def test_too_many_bytes_end_the_clone(server: GitServer, tmp_path: Path) -> None:
    repository_from_files(server.root, "a", {"x": os.urandom(3 << 20)})

    with pytest.raises(TooBig, match="larger than 1 MiB"):
        fetched(server, "a", tmp_path / "c", limits=CloneLimits(bytes=1 << 20, seconds=30))


def test_a_tree_that_unpacks_hugely_is_refused_before_it_is_written(
    server: GitServer, tmp_path: Path
) -> None:
    repository_from_files(server.root, "a", {"x": b"\0" * (8 << 20)})  # a few kilobytes on the wire

    with pytest.raises(TooBig, match="8 MiB"):
        fetched(server, "a", tmp_path / "c", limits=CloneLimits(bytes=1 << 20, seconds=30))
    assert not (tmp_path / "c/src").exists()


def test_too_many_files_are_refused(server: GitServer, tmp_path: Path) -> None:
    repository_from_files(server.root, "a", {f"f{n}": str(n) for n in range(30)})

    with pytest.raises(TooBig, match="30 files"):
        fetched(server, "a", tmp_path / "c", limits=CloneLimits(files=20, seconds=30))


@pytest.fixture
def silent() -> Iterator[str]:
    """A host that accepts and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def test_a_host_that_never_answers_is_left_in_time(silent: str, tmp_path: Path) -> None:
    source = Source({silent}, CloneLimits(seconds=0.5))

    with pytest.raises(TooSlow, match="within"):
        fetch(parse(f"http://{silent}/a.git", {silent}), None, "", tmp_path / "c", source)


def test_a_clone_is_cancelled_at_once(silent: str, tmp_path: Path) -> None:
    cancelled = threading.Event()
    threading.Timer(0.3, cancelled.set).start()

    with pytest.raises(Cancelled):
        fetch(
            parse(f"http://{silent}/a.git", {silent}),
            None,
            "",
            tmp_path / "c",
            Source({silent}),
            cancelled=cancelled,
        )


def commit_entries(bare: Path, entries: list[tuple[str, str, bytes]]) -> None:
    """A commit of exactly these (mode, path, content), as no honest git would write them."""
    lines = []
    for mode, path, content in entries:
        blob = subprocess.run(
            ["git", "hash-object", "-w", "--stdin"], cwd=bare, env=ENVIRONMENT, input=content, capture_output=True, check=True
        ).stdout.decode().strip()  # fmt: skip
        kind = "commit" if mode == "160000" else "blob"
        sha = "1" * 40 if mode == "160000" else blob
        lines.append(f"{mode} {kind} {sha}\t{path}")
    tree = subprocess.run(
        ["git", "mktree", "--missing"], cwd=bare, env=ENVIRONMENT, input="\n".join(lines).encode(), capture_output=True, check=True
    ).stdout.decode().strip()  # fmt: skip
    commit = git("commit-tree", tree, "-m", "hostile", folder=bare)
    git("update-ref", "refs/heads/main", commit, folder=bare)


def test_folders_in_one_another_without_end_are_refused(server: GitServer, tmp_path: Path) -> None:
    """Whoever walks the tree would give up halfway, and the fault would look like ours."""
    folder = tmp_path / "tree" / "/".join("d" * 150)
    folder.mkdir(parents=True)
    (folder / "x").touch()
    repository_from_tree(server.root, "a", tmp_path / "tree")

    with pytest.raises(BuildFailed, match="more than 100 folders in one another"):
        fetched(server, "a", tmp_path / "c")


def bare_repository(server: GitServer, name: str) -> Path:
    bare = server.root / f"{name}.git"
    bare.mkdir()
    git("init", "--quiet", "--bare", "--initial-branch=main", folder=bare)
    return bare


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
