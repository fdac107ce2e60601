"""Which Node a project runs on: the best of those that can be had."""

import re

from builder_service.detect.finding import NoPlan
from builder_service.detect.node_manifest import Package
from builder_service.detect.tree import Tree

DEFAULT_MAJOR = 22
RELEASES = {22: (22, 20), 24: (24, 19), 26: (26, 10), 20: (20, 18), 18: (18, 20), 16: (16, 20)}
"""By preference; the bases have at least this release of each major version (the rest is what is newest)."""
_FILES = (".nvmrc", ".node-version", "volta")
_NAMES = {"gallium": "16", "hydrogen": "18", "iron": "20", "jod": "22", "krypton": "24"}
_PART = re.compile(
    r"(>=|<=|>|<|\^|~|=)?\s*v?(\d+|[*xX])(?:\.(\d+|[*xX]))?(?:\.(\d+|[*xX]))?[-\w.+]*"
)
_Version = tuple[int, int, int]


def choose(tree: Tree, root: Package, most: int | None = None) -> tuple[int, str]:
    """The major version and the sentence that says why; `most` is the newest that the manager takes."""
    wanted = root.table("engines").get("node")
    source = "engines"
    if not isinstance(wanted, str) or not wanted.strip():
        wanted, source = _pinned(tree, root)
    if not wanted:
        return (min(most, DEFAULT_MAJOR) if most else DEFAULT_MAJOR), ""
    offered = [major for major in RELEASES if most is None or major <= most] or list(RELEASES)
    if source in _FILES and int(wanted) < min(RELEASES):  # nobody looks after that one any more
        return offered[0], _instead(source, wanted, offered[0])
    for major in offered:
        if fits(wanted, major):
            return major, f"Node {major} for {wanted} in {source}"
    numbers = [int(found[2]) for found in _PART.finditer(wanted) if found[2].isdigit()]
    if numbers and min(numbers) >= max(RELEASES):
        known = ", ".join(str(major) for major in sorted(RELEASES))
        raise NoPlan(
            f"The tool needs Node {wanted}; builds here have Node {known}. "
            "Choose an older tag of the repository as its ref."
        )
    # Asks for one that cannot be had: the next newer one nearly always runs it.
    newer = sorted(major for major in RELEASES if numbers and major >= max(numbers))
    major = newer[0] if newer else DEFAULT_MAJOR
    return major, _instead(source, wanted, major)


def _instead(source: str, wanted: str, major: int) -> str:
    return f"{source} asks for Node {wanted}, which is not to be had here: Node {major} instead"


def fits(wanted: str, major: int) -> bool:
    """Whether a range like `>=18.0 <23 || ^24.15` takes the release of this major version that we have."""
    minor = RELEASES[major][1]
    return any(_fits_all(part, (major, minor, 99)) for part in wanted.split("||"))


def _fits_all(part: str, release: _Version) -> bool:
    if hyphen := re.fullmatch(r"\s*v?([\d.]+)\s+-\s+v?([\d.]+)\s*", part):
        part = f">={hyphen[1]} <={hyphen[2]}"
    found = list(_PART.finditer(part))
    if not found and re.search(r"[a-z]", part):
        return False
    return all(_fits_one(match, release) for match in found)


def _fits_one(match: re.Match[str], release: _Version) -> bool:
    given = [int(text) for text in match.groups()[1:] if text and text.isdigit()]
    if not given or not match[2].isdigit():
        return True
    low: _Version = (given[0], *given[1:], 0, 0)[:3]  # type: ignore[assignment]
    upper = [*given[:-1], given[-1] + 1]
    beyond: _Version = (upper[0], *upper[1:], 0, 0)[:3]  # type: ignore[assignment]
    operator = match[1] or "="
    if operator == ">=":
        return release >= low
    if operator == ">":
        return release >= (beyond if len(given) < 3 else low)
    if operator == "<":
        return release[:1] < low[:1] or (release < low and len(given) > 1)
    if operator == "<=":
        return release < beyond or release[0] < low[0]
    if operator == "^":
        return low <= release < (low[0] + 1, 0, 0)
    # An exact release or `~22.3`: what is newer within the major version runs it as well.
    return release[0] == low[0] and release >= low


def _pinned(tree: Tree, root: Package) -> tuple[str, str]:
    """The major version that the developers' own files name, and which file it was."""
    for name in _FILES[:2]:
        words = tree.text(root.path(name)).split()
        code = words[0].removeprefix("lts/") if words else ""
        if number := re.fullmatch(r"v?(\d+)(\.\d+)*", _NAMES.get(code, code)):
            return number[1], name
    volta = root.table("volta").get("node")
    if isinstance(volta, str) and (number := re.match(r"\d+", volta)):
        return number[0], "volta"
    return "", ""
