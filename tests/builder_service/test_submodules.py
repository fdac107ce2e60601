"""Repositories inside a repository: fetched at their commit, by the rules of every clone, and named where left out."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from builder_service.failures import BuildFailed
from builder_service.fetch import Fetched, Source, fetch
from builder_service.git import CloneLimits, TooBig
from builder_service.submodules import MOST, Submodule, Submodules, address, is_of_same_owner
from shared.git_link import parse
from shared.work import SourceCredential
from tests.git_server import ENVIRONMENT, GitServer, git, repository_from_files


def link_in(server: GitServer, name: str, modules: dict[str, str], commits: dict[str, str]) -> Path:
    """Add submodules to the newest commit of a repository: addresses and commits by path."""
    bare = server.root / f"{name}.git"
    text = "".join(
        f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n' for path, url in modules.items()
    )
    written = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"],
        cwd=bare,
        env=ENVIRONMENT,
        input=text.encode(),
        capture_output=True,
        check=True,
    )
    blob = written.stdout.decode().strip()
    index = {"GIT_INDEX_FILE": str(bare / "new-index")}
    git("read-tree", "main", folder=bare, **index)
    entries = [f"100644,{blob},.gitmodules"] if modules else []
    entries += [f"160000,{commit},{path}" for path, commit in commits.items()]
    for entry in entries:
        git("update-index", "--add", "--cacheinfo", entry, folder=bare, **index)
    tree = git("write-tree", folder=bare, **index)
    commit = git("commit-tree", tree, "-p", "main", "-m", "Add submodules", folder=bare)
    git("update-ref", "refs/heads/main", commit, folder=bare)
    return bare


def head(bare: Path) -> str:
    return git("rev-parse", "main", folder=bare)


def fetched(
    server: GitServer,
    name: str,
    into: Path,
    *,
    limits: CloneLimits | None = None,
    credential: SourceCredential | None = None,
) -> Fetched:
    source = Source(allowed={server.address}, limits=limits or CloneLimits(seconds=30))
    link = parse(server.link(name), source.allowed)
    return fetch(link, None, "", into, source, credential=credential)


def test_submodules_arrive_at_the_commit_they_are_pinned_to(
    server: GitServer, tmp_path: Path
) -> None:
    inner = repository_from_files(server.root, "o/inner", {"deep.txt": "deep"})
    library = repository_from_files(server.root, "o/library", {"lib.c": "old"})
    link_in(server, "o/library", {"vendor/inner": "../inner.git"}, {"vendor/inner": head(inner)})
    pinned = head(library)
    repository_from_files(server.root, "o/library", {"lib.c": "new"})
    repository_from_files(server.root, "o/tool", {"main.c": "1"})
    link_in(server, "o/tool", {"ext/library": server.link("o/library")}, {"ext/library": pinned})

    found = fetched(server, "o/tool", tmp_path / "c")

    assert found.notes == []
    assert (found.tree / "ext/library/lib.c").read_text() == "old"
    assert (found.tree / "ext/library/vendor/inner/deep.txt").read_text() == "deep"
    assert not list(found.tree.rglob(".git"))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "does not say where it comes from"),
        ("file:///etc", "only https links"),
        ("https://169.254.169.254/x/y", "metadata"),
        ("https://10.1.2.3/x/y", "Only public Git hosts"),
        ("/srv/git/x", "not a link"),
        ("../nowhere", "not found"),
    ],
)
def test_what_cannot_be_had_is_left_out_and_named(
    server: GitServer, tmp_path: Path, url: str, why: str
) -> None:
    repository_from_files(server.root, "o/tool", {"main.c": "1"})
    link_in(server, "o/tool", {"sub": url} if url else {}, {"sub": "1" * 40})

    found = fetched(server, "o/tool", tmp_path / "c")

    assert (found.tree / "main.c").read_text() == "1"
    (note,) = found.notes
    assert note.startswith("Left out the submodule sub: ") and why in note


def test_submodules_count_against_the_limits_of_the_clone(
    server: GitServer, tmp_path: Path
) -> None:
    library = repository_from_files(server.root, "library", {f"{n}": "x" for n in range(8)})
    repository_from_files(server.root, "tool", {"main.c": "1", "b.c": "2"})
    link_in(server, "tool", {"sub": server.link("library")}, {"sub": head(library)})

    with pytest.raises(TooBig, match=r"with its submodules holds 12 files .* allowed are 11 files"):
        fetched(server, "tool", tmp_path / "c", limits=CloneLimits(files=11, seconds=30))
    assert fetched(server, "tool", tmp_path / "d", limits=CloneLimits(files=12, seconds=30))


def test_a_repository_that_holds_itself_ends(server: GitServer, tmp_path: Path) -> None:
    bare = repository_from_files(server.root, "loop", {"x": "1"})
    for _ in range(6):
        link_in(server, "loop", {"loop": "../loop"}, {"loop": head(bare)})

    found = fetched(server, "loop", tmp_path / "c")

    assert (found.tree / "loop/loop/loop/x").exists()
    assert not (found.tree / "loop/loop/loop/loop/x").exists()
    assert f"At most {MOST} submodules" in found.notes[0]


def test_a_credential_opens_nothing_of_another_owner(tmp_path: Path) -> None:
    """The writer of `.gitmodules` may name any repository; the reader's token must not fetch it for them."""
    with GitServer(tmp_path / "served", login="me:secret") as server:
        mine = repository_from_files(server.root, "me/private", {"secret.txt": "mine"})
        theirs = repository_from_files(server.root, "them/library", {"lib.txt": "theirs"})
        repository_from_files(server.root, "them/tool", {"main.c": "1"})
        link_in(
            server,
            "them/tool",
            {"stolen": "../../me/private", "library": "../library"},
            {"stolen": head(mine), "library": head(theirs)},
        )
        shown = SourceCredential(host=server.address, username="me", secret=SecretStr("secret"))

        found = fetched(server, "them/tool", tmp_path / "c", credential=shown)

    assert (found.tree / "library/lib.txt").read_text() == "theirs"
    assert not (found.tree / "stolen/secret.txt").exists()
    assert [note[:32] for note in found.notes] == ["Left out the submodule stolen: T"]


def test_a_credential_does_not_pass_through_a_repository_of_somebody_else(tmp_path: Path) -> None:
    with (
        GitServer(tmp_path / "served", login="me:secret") as private,
        GitServer(tmp_path / "open") as public,
    ):
        mine = repository_from_files(private.root, "me/private", {"secret.txt": "mine"})
        theirs = repository_from_files(public.root, "them/library", {"lib.txt": "theirs"})
        link_in(
            public,
            "them/library",
            {"stolen": private.link("me/private")},
            {"stolen": head(mine)},
        )
        repository_from_files(private.root, "me/tool", {"main.c": "1"})
        modules = {"library": public.link("them/library")}
        link_in(private, "me/tool", modules, {"library": head(theirs)})
        allowed = {private.address, public.address}
        shown = SourceCredential(host=private.address, username="me", secret=SecretStr("secret"))
        link = parse(private.link("me/tool"), allowed)

        found = fetch(link, None, "", tmp_path / "c", Source(allowed=allowed), credential=shown)

    assert (found.tree / "library/lib.txt").read_text() == "theirs"
    assert not (found.tree / "library/stolen/secret.txt").exists()


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("git@example.org:a/b.git", "https://example.org/a/b.git"),
        ("ssh://git@example.org:2222/a/b", "https://example.org/a/b"),
        ("git://example.org/a/b", "https://example.org/a/b"),
        ("https://example.org/a/b", "https://example.org/a/b"),
        ("../c.git", "https://example.org/o/c.git"),
        ("./c", "https://example.org/o/tool/c"),
        ("../../p/c", "https://example.org/p/c"),
    ],
)
def test_addresses_are_read_as_git_hosts_mean_them(url: str, meant: str) -> None:
    assert address(url, parse("https://example.org/o/tool")) == meant


def test_only_repositories_side_by_side_have_one_owner() -> None:
    tool = parse("https://example.org/o/tool")
    assert is_of_same_owner(tool, parse("https://example.org/o/library"))
    for other in ("https://example.org/p/library", "https://example.com/o/library"):
        assert not is_of_same_owner(tool, parse(other))


@pytest.mark.parametrize("path", ["link/x", "full", "missing", "../beside", "file"])
def test_a_submodule_is_laid_down_in_an_empty_folder_of_the_checkout_only(
    tmp_path: Path, path: str
) -> None:
    """A commit's tree may hold any path; nothing is written through a link or over a file."""
    tree = tmp_path / "tree"
    (tree / "full").mkdir(parents=True)
    (tree / "full/kept").touch()
    (tree / "file").touch()
    for outside in ("beside", "elsewhere/x"):
        (tmp_path / outside).mkdir(parents=True)
    (tree / "link").symlink_to(tmp_path / "elsewhere")
    taken: list[Path] = []
    submodules = Submodules(lambda git, link, commit, folder: taken.append(folder))  # type: ignore[func-returns-value,arg-type,return-value]
    git = SimpleNamespace(link=parse("https://example.org/o/tool"))

    with pytest.raises(BuildFailed):
        submodules._fill(git, Submodule(path, "https://example.org/o/sub", "1" * 40), tree, 1)  # type: ignore[arg-type]

    assert taken == []


def test_only_so_many_submodules_are_fetched(
    server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builder_service.submodules.MOST", 1)
    library = repository_from_files(server.root, "o/library", {"lib.c": "1"})
    repository_from_files(server.root, "o/tool", {"main.c": "1"})
    link_in(
        server,
        "o/tool",
        {"a": "../library", "b": "../library"},
        {"a": head(library), "b": head(library)},
    )

    found = fetched(server, "o/tool", tmp_path / "c")

    assert (found.tree / "a/lib.c").exists()
    assert not (found.tree / "b/lib.c").exists()
    assert "At most 1 submodules" in found.notes[0]
