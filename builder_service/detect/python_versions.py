"""Which Python a project runs on: those of the two Debian releases that bases are made from."""

import re
from dataclasses import dataclass, replace

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from builder_service.detect.finding import NoPlan
from builder_service.detect.tree import Tree


@dataclass(frozen=True)
class Runtime:
    """A Python that can be had, and the base image that has it."""

    version: str
    release: str
    base: str
    beyond: str = ""
    """What the project asks for, where it sets an upper bound that this one is above."""
    note: str = ""
    """Where a version file names one that cannot be had: which one is taken instead."""


RUNTIMES = (Runtime("3.11", "3.11.2", "python"), Runtime("3.13", "3.13.5", "python3.13"))
"""By preference."""


def choose(tree: Tree, requires: str) -> Runtime:
    """The Python that fits; raises `NoPlan` with a sentence when none does.

    An upper bound is most often a caution of its time, so where no Python here is below it, the next one is tried.
    """
    try:
        wanted = SpecifierSet(requires)
    except InvalidSpecifier:
        wanted = SpecifierSet()
    fitting = [one for one in RUNTIMES if wanted.contains(one.release, prereleases=True)]
    admitted = [minor for minor in range(6, 30) if wanted.contains(f"3.{minor}.9")]
    above = [one for one in RUNTIMES if admitted and _minor(one.version) > admitted[-1]]
    if not fitting and above:
        return replace(above[0], beyond=requires)
    if not fitting:
        known = " and ".join(one.version for one in RUNTIMES)
        raise NoPlan(
            f"The tool needs Python {requires}; builds here have Python {known}. "
            "Choose an older or newer tag of the repository as its ref."
        )
    name, pinned = _pinned(tree)
    if pinned and not wanted.contains(f"{pinned}.99"):
        pinned = ""
    later = [one for one in fitting if pinned and _minor(one.version) >= _minor(pinned)]
    chosen = (later or fitting[-1:])[0] if pinned else fitting[0]
    if not pinned or chosen.version == pinned:
        return chosen
    note = f"{name} asks for Python {pinned}, which is not to be had here: {chosen.version} instead"
    return replace(chosen, note=note)


def _pinned(tree: Tree) -> tuple[str, str]:
    """What the developers use, and the file that says it."""
    for name in (".python-version", "runtime.txt"):
        found = re.match(r"(?:python-|cpython-)?(3\.\d+)", tree.text(name).strip())
        if found:
            return name, found[1]
    return "", ""


def _minor(version: str) -> int:
    return int(version.split(".")[1])
