"""Sources that are not simply public: private repositories, and a version's own kept source."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from pydantic import SecretStr

from builder_service import snapshot
from builder_service.failures import BuildFailed
from builder_service.fetch import Fetched, Source, fetch
from builder_service.git import CloneLimits, Git
from shared.git_link import parse
from shared.work import SourceCredential
from tests.git_server import GitServer, repository_from_files

SECRET = "a-secret-token"


@pytest.fixture
def private(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "served", login=f"reader:{SECRET}") as running:
        repository_from_files(running.root, "own", {"tool.sh": "#!/bin/sh\n"})
        yield running


def cloned(server: GitServer, into: Path, credential: SourceCredential | None) -> Fetched:
    allowed = {server.address}
    source = Source(allowed=allowed, limits=CloneLimits(seconds=30))
    return fetch(parse(server.link("own"), allowed), None, "", into, source, credential=credential)


def shown_to(host: str, secret: str = SECRET) -> SourceCredential:
    return SourceCredential(host=host, username="reader", secret=SecretStr(secret))


def test_a_private_repository_is_cloned_with_its_hosts_credential(
    private: GitServer, tmp_path: Path
) -> None:
    found = cloned(private, tmp_path / "a", shown_to(private.address))

    assert (found.tree / "tool.sh").is_file()
    kept = [path for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert kept and not any(SECRET.encode() in path.read_bytes() for path in kept)


@pytest.mark.parametrize("case", ["none", "wrong", "of another host"])
def test_without_the_right_one_the_sentence_says_what_to_do(
    private: GitServer, tmp_path: Path, case: str
) -> None:
    credential = {
        "none": None,
        "wrong": shown_to(private.address, "guess"),
        "of another host": shown_to("git.example.org:443"),
    }[case]

    with pytest.raises(BuildFailed) as refusal:
        cloned(private, tmp_path / "a", credential)

    assert "store an access token for 127.0.0.1 in your account" in str(refusal.value)


def test_a_credential_is_no_argument_and_goes_to_its_own_host_only(
    private: GitServer, tmp_path: Path
) -> None:
    link = parse(private.link("own"), {private.address})
    own = Git(tmp_path, link, "127.0.0.1", CloneLimits(), credential=shown_to(private.address))
    foreign = Git(tmp_path, link, "127.0.0.1", CloneLimits(), credential=shown_to("a.example:443"))

    assert any("Authorization" in value for value in own.environment().values())
    assert not any("Authorization" in value for value in foreign.environment().values())
    assert not any("Basic" in word or SECRET in word for word in own.argv("fetch"))
    assert SECRET not in repr(own)


def packed(folder: Path) -> Path:
    tree = folder / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "run").write_text("#!/bin/sh\n")
    (tree / "sub" / "run").chmod(0o755)
    (tree / "link").symlink_to("sub/run")
    snapshot.write(tree, folder / "kept")
    return folder / "kept"


def test_what_was_packed_comes_back_as_it_was(tmp_path: Path) -> None:
    kept = packed(tmp_path)

    snapshot.read(kept, tmp_path / "again", CloneLimits())

    assert (tmp_path / "again/sub/run").stat().st_mode & 0o111
    assert (tmp_path / "again/link").readlink() == Path("sub/run")
    again = tmp_path / "repacked"
    assert snapshot.write(tmp_path / "again", again) == snapshot.digest(kept)


def test_a_snapshot_that_is_too_large_damaged_or_hostile_is_refused(tmp_path: Path) -> None:
    kept = packed(tmp_path)
    (tmp_path / "cut").write_bytes(kept.read_bytes()[:-20])
    hostile = tmp_path / "hostile"
    with (
        hostile.open("wb") as file,
        zstandard.ZstdCompressor().stream_writer(file) as stream,
        tarfile.open(fileobj=stream, mode="w|") as tar,
    ):
        tar.addfile(tarfile.TarInfo("../outside"))

    for source, limits in (
        (kept, CloneLimits(bytes=3)),
        (kept, CloneLimits(files=1)),
        (tmp_path / "cut", CloneLimits()),
        (hostile, CloneLimits()),
    ):
        with pytest.raises(BuildFailed):
            snapshot.read(source, tmp_path / f"{source.name}{limits.bytes}{limits.files}", limits)
    assert not (tmp_path / "outside").exists()
