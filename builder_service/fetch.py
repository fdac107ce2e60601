"""A checked link becomes a folder of files at one exact commit, and the version that its tags give it."""

import os
import re
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

from builder_service import versions
from builder_service.failures import BuildFailed
from builder_service.git import CloneLimits, Git, GitFailed, TooBig
from builder_service.git_refusals import explain
from builder_service.lfs import Lfs
from builder_service.resolve import Lookup, pin, system_lookup
from builder_service.submodules import Submodules, is_of_same_owner
from shared.git_link import GitLink, check_folder, check_ref
from shared.work import SourceCredential
from shared.written import DEEPEST

_HEX = re.compile(r"^[0-9a-f]{7,40}$")
_DEPTHS = (100, 1000, 10_000)


@dataclass(frozen=True)
class Source:
    """Where sources come from and what a clone may take: the operator's settings."""

    allowed: Collection[str] = ()
    limits: CloneLimits = CloneLimits()
    ca: Path | None = None
    proxy: str = ""
    lookup: Lookup = system_lookup


@dataclass
class Fetched:
    """The tree at `commit`; `notes` says what was left out of it."""

    tree: Path
    commit: str
    ref: str
    folder: str
    notes: list[str] = field(default_factory=list)
    version: Callable[[], str] = lambda: "0.1"
    """Computes the version from tags; fetches history, so it is called only when a back end wants it."""


@dataclass(frozen=True)
class _Refs:
    by_name: dict[str, str]
    head: str | None

    def find(self, name: str) -> tuple[str, str] | None:
        for full in (
            f"refs/heads/{name}",
            f"refs/tags/{name}",
            name if name.startswith("refs/") else "",
        ):
            if full in self.by_name:
                return full, self.by_name.get(full + "^{}", self.by_name[full])
        return None

    def tags_at(self, commit: str) -> list[str]:
        return [
            name.removeprefix("refs/tags/").removesuffix("^{}")
            for name, sha in self.by_name.items()
            if name.startswith("refs/tags/") and sha == commit
        ]

    def tags(self) -> list[str]:
        return [
            name.removeprefix("refs/tags/")
            for name in self.by_name
            if name.startswith("refs/tags/")
        ]


def fetch(
    link: GitLink,
    ref: str | None,
    folder: str,
    into: Path,
    source: Source,
    *,
    credential: SourceCredential | None = None,
    cancelled: Event | None = None,
    on_progress: Callable[[], None] = lambda: None,
) -> Fetched:
    """Clone to `<into>/src`; refuses with a `BuildFailed` sentence, leaves `.git` outside of the tree."""
    address = pin(link, source.allowed, source.lookup)
    store, tree = into / "git", into / "src"
    store.mkdir(parents=True)
    git = Git(
        store,
        link,
        address,
        source.limits,
        cancelled or Event(),
        source.ca,
        source.proxy,
        on_progress,
        credential=credential,
    )
    refs = _list(git)
    name, commit, folder = _resolve(
        git, refs, check_ref(ref) if ref else link.ref, folder or link.folder
    )
    used = _Used()
    commit = _check_out(git, commit, tree, used)
    inside = Submodules(
        lambda outer, link, pinned, place: _submodule(outer, link, pinned, place, source, used),
        source.allowed,
    )
    inside.add(git, commit, tree)
    files = Lfs(git, source.limits.bytes - used.bytes, source.allowed, source.lookup).fill(tree)
    notes = [*inside.notes, *files, *_tidy(tree)]
    if folder and not (tree / folder).is_dir():
        raise BuildFailed(
            f"The repository has no folder {folder} at {name}. Check the folder's name."
        )
    return Fetched(tree, commit, name, folder, notes, lambda: _version(git, refs, commit))


@dataclass
class _Used:
    """What the clones of one build have taken of its limits."""

    clones: int = 0
    bytes: int = 0
    files: int = 0


def _check_out(git: Git, commit: str, tree: Path, used: _Used) -> str:
    """The exact commit, in a folder that is empty or new."""
    git.run("init", "--quiet", "--bare", ".")
    commit = _fetch(git, commit)
    _check_size(git, commit, used)
    tree.mkdir(exist_ok=True)
    git.run(f"--work-tree={tree}", "checkout", "--force", "--quiet", commit, "--", ".")
    return commit


def _submodule(
    outer: Git, link: GitLink, commit: str, tree: Path, source: Source, used: _Used
) -> Git:
    used.clones += 1
    store = outer.folder.with_name(f"git-{used.clones}")
    store.mkdir()
    limits = source.limits
    git = replace(
        outer,
        folder=store,
        link=link,
        address=pin(link, source.allowed, source.lookup),
        limits=replace(limits, bytes=limits.bytes - used.bytes, files=limits.files - used.files),
        credential=outer.credential if is_of_same_owner(outer.link, link) else None,
    )
    git.deadline = outer.deadline
    _check_out(git, commit, tree, used)
    return git


def newest(
    link: GitLink,
    ref: str | None,
    into: Path,
    source: Source,
    *,
    credential: SourceCredential | None = None,
    cancelled: Event | None = None,
) -> str:
    """The commit that a clone would take now; nothing is cloned for it."""
    git = Git(
        into,
        link,
        pin(link, source.allowed, source.lookup),
        source.limits,
        cancelled or Event(),
        source.ca,
        source.proxy,
        credential=credential,
    )
    refs = _list(git)
    return _resolve(git, refs, check_ref(ref) if ref else link.ref, link.folder)[1]


def _list(git: Git) -> _Refs:
    try:
        text = git.run(
            "ls-remote", "--symref", "--", git.link.url, "HEAD", "refs/heads/*", "refs/tags/*"
        )
    except GitFailed as error:
        raise BuildFailed(explain(str(error), git.link)) from error
    by_name: dict[str, str] = {}
    head = None
    for line in text.splitlines():
        sha, _, name = line.partition("\t")
        if sha.startswith("ref: "):
            head = sha.removeprefix("ref: ")
        elif re.fullmatch(r"[0-9a-f]{40,64}", sha):
            by_name[name] = sha
    if not by_name:
        raise BuildFailed(_why_nothing(git))
    return _Refs(by_name, head)


def _why_nothing(git: Git) -> str:
    """An empty repository and a web page list the same nothing; only the first speaks Git's protocol."""
    if not git.speaks_git():
        return "There is no Git repository at this address. Use a link like https://github.com/owner/name."
    return "The repository is empty: it has no commit yet. Push something and try again."


def _resolve(git: Git, refs: _Refs, ref: str | None, folder: str) -> tuple[str, str, str]:
    if ref is None:
        commit = refs.by_name.get("HEAD") or (refs.by_name.get(refs.head) if refs.head else None)
        if commit is None:
            raise BuildFailed(
                "The repository names no default branch. Say which branch or tag to use."
            )
        return (refs.head or "HEAD").removeprefix("refs/heads/"), commit, check_folder(folder)
    # A branch may hold slashes: in /tree/feature/x/tools only the host knows where its name ends.
    parts = check_folder(folder).split("/") if folder else []
    for taken in range(len(parts) + 1):
        name = "/".join([ref, *parts[:taken]])
        if (found := refs.find(name)) is not None:
            return name, found[1], "/".join(parts[taken:])
    if _HEX.match(ref):
        known = sorted({sha for sha in refs.by_name.values() if sha.startswith(ref)})
        if known or len(ref) == 40:
            return ref, known[0] if len(known) == 1 else ref, "/".join(parts)
        return ref, ref, "/".join(parts)
    raise BuildFailed(f"The repository has no branch, tag or commit named {ref}. Check the name.")


def _fetch(git: Git, commit: str) -> str:
    wanted = commit
    try:
        if len(commit) < 40:
            git.run(
                "fetch",
                "--quiet",
                "--no-tags",
                "--filter=tree:0",
                "--",
                git.link.url,
                "+refs/heads/*:refs/heads/*",
            )
            wanted = git.run("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}").strip()
        git.run(
            "fetch",
            "--quiet",
            "--no-tags",
            "--depth=1",
            "--no-recurse-submodules",
            "--",
            git.link.url,
            wanted,
        )
        got = git.run("rev-parse", "--verify", "FETCH_HEAD^{commit}").strip()
    except GitFailed as error:
        text = str(error)
        if len(commit) < 40 or "not our ref" in text or "unadvertised object" in text:
            raise BuildFailed(f"The repository has no commit {commit}. Check the name.") from error
        raise BuildFailed(explain(text, git.link)) from error
    if got != wanted:
        raise BuildFailed(f"The host sent commit {got} instead of {wanted}. Try again later.")
    return got


def _check_size(git: Git, commit: str, used: _Used) -> None:
    """Refuse a tree that is small on the wire and huge on disk, before anything is written."""
    limits = git.limits
    try:
        listing = git.run("ls-tree", "-r", "-l", "-z", "--full-tree", commit)
    except GitFailed as error:  # trees in trees until it gives up
        raise BuildFailed(explain(str(error), git.link)) from error
    files = [entry for entry in listing.split("\0") if entry]
    total = sum(
        int(size) for entry in files if (size := entry.split("\t", 1)[0].split()[-1]).isdigit()
    )
    if not files:
        raise BuildFailed("The repository is empty: the commit holds no files.")
    if any(entry.count("/") > DEEPEST for entry in files):
        raise BuildFailed(
            f"The repository has more than {DEEPEST} folders in one another, which no tool needs."
        )
    used.bytes += total
    used.files += len(files)
    if len(files) > limits.files or total > limits.bytes:
        allowed = CloneLimits(
            limits.bytes + used.bytes - total, limits.files + used.files - len(files)
        )
        raise TooBig(
            f"The repository{' with its submodules' if used.clones else ''} holds {used.files} files of "
            f"{used.bytes / (1 << 20):.0f} MiB; allowed are {allowed.files} files and "
            f"{allowed.bytes / (1 << 20):.0f} MiB. Use a smaller repository."
        )


def _tidy(tree: Path) -> list[str]:
    """Drop links that leave the tree, and say so; make the rest readable for the build's user."""
    notes = []
    root = tree.resolve()
    for folder, names, files in os.walk(tree):
        here = Path(folder)
        here.chmod(0o755)
        for name in [*names, *files]:
            path = here / name
            if path.is_symlink():
                if _leaves(path, root):
                    path.unlink()
                    notes.append(
                        f"Left out {path.relative_to(tree)}: a link that leaves the repository."
                    )
            elif path.is_file():
                path.chmod(0o755 if path.stat().st_mode & 0o111 else 0o644)
        if ".git" in names:
            shutil.rmtree(here / ".git")
            names.remove(".git")
    return notes


def _leaves(link: Path, root: Path) -> bool:
    if link.readlink().is_absolute():
        return True
    try:
        return not link.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # a loop
        return True


def _version(git: Git, refs: _Refs, commit: str) -> str:
    exact = versions.best(refs.tags_at(commit))
    if exact is not None:
        return versions.describe(exact, 0, commit)
    if versions.best(refs.tags()) is None:
        return versions.describe(None, 0, commit)
    for depth in _DEPTHS:
        try:
            git.run(
                "fetch", "--quiet", "--filter=tree:0", f"--depth={depth}", "--no-recurse-submodules", "--",
                git.link.url, commit, "+refs/tags/*:refs/tags/*",
            )  # fmt: skip
            text = git.run("describe", "--tags", "--long", "--match=*[0-9]*", commit).strip()
        except GitFailed:
            continue
        tag, distance, _ = text.rsplit("-", 2)
        if (version := versions.of_tag(tag)) is not None:
            return versions.describe(version, int(distance), commit)
    return versions.describe(versions.best(refs.tags()), 0, commit)
