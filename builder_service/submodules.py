"""Repositories inside the repository, each at the commit that it is pinned to; one that cannot be had is left out."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

from builder_service.failures import BuildFailed
from builder_service.git import Git, GitFailed, TooBig, TooSlow
from shared.git_link import BadLink, GitLink, parse

LEVELS = 3
MOST = 50
_KEY = re.compile(r"submodule\.(.*)\.(path|url)", re.DOTALL)
_SCP = re.compile(r"(?:[\w.-]+@)?([\w.-]+\.[a-z]+):(?!//|\d+/)(.+)", re.IGNORECASE)
_NOT_HTTP = re.compile(r"(?:ssh|git)://(?:[^/@]+@)?([^/:]+)(?::\d+)?/(.+)", re.IGNORECASE)

Take = Callable[[Git, GitLink, str, Path], Git]
"""For the repository that names it: fetches one exact commit of a link and checks it out into an empty folder."""


@dataclass(frozen=True)
class Submodule:
    """Where it stands in the tree, where it comes from, and its commit; `url` is empty where nothing names it."""

    path: str
    url: str
    commit: str


@dataclass
class Submodules:
    """Adds the submodules of one build's source, and theirs; the limits are `take`'s."""

    take: Take
    allowed: Collection[str] = ()
    notes: list[str] = field(default_factory=list)
    """What was left out, and why."""
    _taken: int = 0

    def add(self, git: Git, commit: str, tree: Path, *, above: str = "", level: int = 1) -> None:
        """Fill the empty folders that `commit` has for its submodules; raises `TooBig`, `TooSlow`, `Cancelled`."""
        for one in listed(git, commit):
            name = f"{above}{one.path}"
            try:
                inner = self._fill(git, one, tree, level)
            except (TooBig, TooSlow):
                raise
            except (BadLink, BuildFailed, GitFailed) as error:
                why = str(error).splitlines()[-1] if str(error) else "it could not be fetched"
                self.notes.append(f"Left out the submodule {name}: {why}")
                continue
            folder = tree / one.path
            self.add(inner, one.commit, folder, above=f"{name}/", level=level + 1)

    def _fill(self, git: Git, one: Submodule, tree: Path, level: int) -> Git:
        if not one.url:
            raise BuildFailed(".gitmodules does not say where it comes from.")
        if level > LEVELS or self._taken >= MOST:
            raise BuildFailed(f"At most {MOST} submodules are fetched, {LEVELS} levels deep.")
        folder = _empty_folder(tree, one.path)
        self._taken += 1
        link = parse(address(one.url, git.link), self.allowed)
        return self.take(git, link, one.commit, folder)


def listed(git: Git, commit: str) -> list[Submodule]:
    """The commit's submodules, as its tree and its `.gitmodules` tell them."""
    entries = git.run("ls-tree", "-r", "-z", "--full-tree", commit).split("\0")
    pinned = [entry.split("\t", 1) for entry in entries if entry.startswith("160000 ")]
    if not pinned:
        return []
    urls = _urls(git, commit)
    return [Submodule(path, urls.get(path, ""), about.split()[2]) for about, path in pinned]


def _urls(git: Git, commit: str) -> dict[str, str]:
    """Addresses by path."""
    try:
        text = git.run("config", "-z", f"--blob={commit}:.gitmodules", "--list")
    except GitFailed:  # there is none, or it cannot be read
        return {}
    named: dict[str, dict[str, str]] = {}
    for line in text.split("\0"):
        key, _, value = line.partition("\n")
        if (found := _KEY.fullmatch(key)) is not None:
            named.setdefault(found[1], {})[found[2]] = value
    return {one["path"]: one["url"] for one in named.values() if one.keys() == {"path", "url"}}


def address(url: str, parent: GitLink) -> str:
    """The address by https: relative ones are of the parent, and those over SSH need a key that nobody has here."""
    if url.startswith(("./", "../")):
        return urljoin(f"{parent.url.rstrip('/')}/", url)
    if (found := _NOT_HTTP.fullmatch(url) or _SCP.fullmatch(url)) is not None:
        return f"https://{found[1]}/{found[2]}"
    return url


def is_of_same_owner(link: GitLink, other: GitLink) -> bool:
    """Whether both lie side by side on one host.

    A credential goes no further than from a repository to those of its own owner: else whoever writes
    `.gitmodules` could name any repository that the credential opens, and a build could carry it away.
    """
    beside = [one.path.rpartition("/")[0] for one in (link, other)]
    return link.authority == other.authority and beside[0] == beside[1] != ""


def _empty_folder(tree: Path, path: str) -> Path:
    """The folder that the checkout made for it, reached without following a link."""
    folder = tree
    for part in path.split("/"):
        folder = folder / part
        if part in ("", ".", "..") or folder.is_symlink() or not folder.is_dir():
            raise BuildFailed("There is no folder for it.")
    if any(folder.iterdir()):
        raise BuildFailed("Its folder is not empty.")
    return folder
