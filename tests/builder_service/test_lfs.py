"""Files of Git LFS come with the clone, from a host that speaks its protocol, and within the clone's limits."""

import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from builder_service import lfs
from builder_service.failures import Cancelled
from builder_service.fetch import Fetched, Source, fetch
from builder_service.git import CloneLimits, Git, TooSlow
from builder_service.lfs import Lfs
from builder_service.resolve import system_lookup
from shared.git_link import parse
from shared.work import SourceCredential
from tests.certificates import Certificate
from tests.git_server import GitServer, repository_from_files

CONTENT = b"a large file\n" * 1000
OID = hashlib.sha256(CONTENT).hexdigest()
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize {len(CONTENT)}\n"
FILES = {".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "d/a.bin": POINTER, "x.txt": "x"}  # fmt: skip


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "served") as running:
        running.large[OID] = CONTENT
        repository_from_files(running.root, "r", FILES)
        yield running


def lookup(host: str, port: int) -> list[str]:
    known = {"inside.example": "10.1.2.3", "other.example": "127.0.0.1"}
    return [known[host]] if host in known else system_lookup(host, port)


def fetched(server: GitServer, into: Path, **more: object) -> Fetched:
    allowed = {server.address}
    source = Source(allowed=allowed, limits=CloneLimits(seconds=30))
    return fetch(parse(server.link("r"), allowed), None, "", into, source, **more)  # type: ignore[arg-type]


def test_the_files_come_in_place_of_their_pointers(server: GitServer, tmp_path: Path) -> None:
    found = fetched(server, tmp_path / "c")

    assert (found.tree / "d/a.bin").read_bytes() == CONTENT
    assert (found.tree / "x.txt").read_text() == "x"
    assert found.notes == ["Fetched from Git LFS: 1 file, 0.0 MiB."]


def test_a_private_host_is_shown_the_owners_token(tmp_path: Path) -> None:
    with GitServer(tmp_path / "served", login="me:secret") as private:
        private.large[OID] = CONTENT
        repository_from_files(private.root, "r", FILES)
        shown = SourceCredential(host=private.address, username="me", secret=SecretStr("secret"))

        found = fetched(private, tmp_path / "c", credential=shown)

    assert (found.tree / "d/a.bin").read_bytes() == CONTENT


def filled(
    server: GitServer, tree: Path, left: int = 1 << 20, *, seconds: int = 30, **more: object
) -> list[str]:
    tree.mkdir(exist_ok=True)
    (tree / ".gitattributes").write_text(FILES[".gitattributes"])
    (tree / "a.bin").write_text(POINTER)
    allowed = {server.address, f"other.example:{server.port}"}
    link = parse(server.link("r"), allowed)
    git = Git(tree.parent, link, "127.0.0.1", CloneLimits(seconds=seconds), **more)  # type: ignore[arg-type]
    return Lfs(git, left, allowed, lookup).fill(tree)


@pytest.mark.parametrize(
    ("large", "at", "limit", "why"),
    [
        ({}, "", 1 << 20, f"the host does not give {OID[:12]}: Object does not exist"),
        ({OID: CONTENT[:-1] + b"x"}, "", 1 << 20, f"the host sent other bytes than {OID[:12]}"),
        ({OID: CONTENT * 2}, "", 1 << 20, "the host sends more than it said"),
        ({OID: CONTENT}, "", 12_000, "they are too much (1 file, 0.0 MiB)"),
        ({OID: CONTENT}, "http://127.0.0.1:9/large/", 1 << 20, "this machine's own"),
        ({OID: CONTENT}, "https://inside.example/large/", 1 << 20, "inside.example has an address that is"),
        ({OID: CONTENT}, "https://169.254.169.254/large/", 1 << 20, "a cloud's metadata service, which is never reached"),
        ({OID: CONTENT}, "file:///etc/passwd?", 1 << 20, ""),
        ({OID: CONTENT}, "https://me:pw@example.com/", 1 << 20, "Take the user name or password out"),
    ],
)  # fmt: skip
def test_what_cannot_be_had_stays_a_pointer(
    server: GitServer, tmp_path: Path, large: dict[str, bytes], at: str, limit: int, why: str
) -> None:
    server.large, server.large_at = large, at

    (note,) = filled(server, tmp_path / "tree", limit)

    assert (tmp_path / "tree/a.bin").read_text() == POINTER
    assert note.startswith("Left files of Git LFS as pointers: ")
    assert why in note


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"no JSON", "the host's answer is not understood"),
        (b"[" * 100_000, "the host's answer is not understood"),
        (b"[1]", "the host's answer is not understood"),
        (b'{"objects": {}}', "the host's answer is not understood"),
        (b'{"objects": []}', "the host does not answer for all files"),
        (b'{"objects": [1]}', "the host answers for other files than it was asked for"),
        (b'{"objects": [{"oid": "%s"}]}' % (b"0" * 64), "the host answers for other files than"),
        (b'{"objects": [{"oid": "%s", "actions": [1], "error": "x"}]}' % OID.encode(), "does not give"),
        (b'{"objects": []}' + b" " * (4 << 20), "the host sends more than it said"),
    ],
    ids=["no JSON", "deep", "a list", "a table", "none", "a number", "other", "odd parts", "endless"],
)  # fmt: skip
def test_an_odd_answer_ends_no_build(
    server: GitServer, tmp_path: Path, said: bytes, why: str
) -> None:
    server.large_said = said

    (note,) = filled(server, tmp_path / "tree")

    assert why in note


def test_too_many_files_are_not_asked_for(
    server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lfs, "_MOST", 0)

    assert "they are too much (1 file" in filled(server, tmp_path / "tree")[0]


def test_links_out_of_the_tree_are_neither_read_nor_filled(
    server: GitServer, tmp_path: Path
) -> None:
    outside, tree = tmp_path / "outside", tmp_path / "tree"
    outside.write_text(POINTER)
    tree.mkdir()
    (tree / "b.bin").symlink_to(outside)

    assert filled(server, tree) == ["Fetched from Git LFS: 1 file, 0.0 MiB."]
    assert outside.read_text() == POINTER

    (tree / "a.bin").write_text(POINTER)
    outside.write_text(FILES[".gitattributes"])
    (tree / ".gitattributes").unlink()
    (tree / ".gitattributes").symlink_to(outside)
    assert lfs.pointers(tree) == {}


def test_another_name_at_the_same_address_shows_a_certificate_of_its_own(tmp_path: Path) -> None:
    made = Certificate(tmp_path)  # for 127.0.0.1 alone
    with GitServer(tmp_path / "served", tls=made.server()) as secure:
        secure.large[OID] = CONTENT
        fine = filled(secure, tmp_path / "tree", ca=made.file)
        secure.large_at = f"https://other.example:{secure.port}/large/"
        (note,) = filled(secure, tmp_path / "tree", ca=made.file)

    assert fine == ["Fetched from Git LFS: 1 file, 0.0 MiB."]
    assert "not valid for 'other.example'" in note


def test_neither_this_process_nor_the_host_chooses_the_way(
    server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    action = {"href": f"http://{server.address}/large/{OID}", "header": {"Host": "\n", "Content-Length": "9"}}  # fmt: skip
    server.large_said = json.dumps({"objects": [{"oid": OID, "actions": {"download": action}}]}).encode()  # fmt: skip

    assert filled(server, tmp_path / "tree") == ["Fetched from Git LFS: 1 file, 0.0 MiB."]


def test_the_clones_time_holds(server: GitServer, tmp_path: Path) -> None:
    with pytest.raises(TooSlow):
        filled(server, tmp_path / "tree", seconds=0)


def test_a_token_of_another_host_is_not_shown(tmp_path: Path) -> None:
    other = SourceCredential(host="git.example:443", username="me", secret=SecretStr("secret"))
    with GitServer(tmp_path / "served", login="me:secret") as private:
        notes = filled(private, tmp_path / "tree", credential=other)

    assert notes == ["Left files of Git LFS as pointers: 127.0.0.1 answers 401"]


def test_a_cancel_is_heard(server: GitServer, tmp_path: Path) -> None:
    over = threading.Event()
    over.set()

    with pytest.raises(Cancelled):
        filled(server, tmp_path / "tree", cancelled=over)
