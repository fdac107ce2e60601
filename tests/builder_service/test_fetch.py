"""Cloning from a real `git http-backend`: exact commits, clear refusals, nothing left by hostile repositories."""

import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from builder_service.failures import BuildFailed, Cancelled
from builder_service.fetch import Source, fetch
from builder_service.git import CloneLimits, TooBig, TooSlow
from builder_service.resolve import pin
from shared.git_link import parse
from tests.builder_service.fetching import fetched
from tests.git_server import (
    GitServer,
    git,
    repository_from_files,
)


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
