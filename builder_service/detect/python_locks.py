"""What the lock files of uv, Poetry, PDM and Pipenv (and pylock.toml) have settled on, as constraints."""

import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement

from builder_service.detect.python_manifest import Json, strings, table
from builder_service.detect.tree import Tree

_LONGEST = 16 << 20
_MOST = 2000
_ELSEWHERE = (
    "git",
    "url",
    "path",
    "editable",
    "virtual",
    "directory",
    "file",
    "vcs",
    "archive",
    "hg",
)


@dataclass(frozen=True)
class Locked:
    """A lock's file and its versions, `name==1.2 ; marker` each."""

    file: str = ""
    versions: tuple[str, ...] = ()
    problem: str = ""


def read(tree: Tree) -> Locked:
    """The first lock at the root that can be read."""
    problem = ""
    for name, packages in _READERS.items():
        text = tree.text(name, _LONGEST)
        if not text.strip():
            continue
        try:
            data = json.loads(text) if name.endswith("Pipfile.lock") else tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            problem = f"{name} cannot be read and is left out: {str(error)[:120]}"
            continue
        versions = _constraints(packages(table(data)))
        if versions:
            return Locked(name, tuple(versions))
    return Locked(problem=problem)


def _constraints(packages: Iterator[tuple[str, str, str]]) -> list[str]:
    """One line a version; a name with several needs a marker for each, or nothing can be said of it."""
    by_name: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, version, marker in packages:
        by_name[name].append((version, marker))
    found = []
    for name, versions in sorted(by_name.items()):
        if len(versions) > 1 and not all(marker for _, marker in versions):
            continue
        for version, marker in versions:
            # A single version holds wherever the package is wanted at all.
            condition = f" ; {marker}" if marker and len(versions) > 1 else ""
            try:
                found.append(str(Requirement(f"{name}=={version}{condition}")))
            except (InvalidRequirement, RecursionError):
                continue
    return found[:_MOST]


def _listed(value: object) -> Iterator[Json]:
    for item in value if isinstance(value, list) else []:
        if isinstance(item, dict) and isinstance(item.get("name"), str):
            yield item


def _any_of(markers: list[str]) -> str:
    return " or ".join(f"({marker})" for marker in markers)


def _uv(data: Json) -> Iterator[tuple[str, str, str]]:
    for item in _listed(data.get("package")):
        if "registry" in table(item.get("source")) and isinstance(item.get("version"), str):
            yield item["name"], item["version"], _any_of(strings(item.get("resolution-markers")))


def _poetry(data: Json) -> Iterator[tuple[str, str, str]]:
    for item in _listed(data.get("package")):
        kind = table(item.get("source")).get("type")
        if kind in (None, "legacy") and isinstance(item.get("version"), str):
            markers = item.get("markers")
            if isinstance(markers, dict):
                markers = markers.get("main")
            yield item["name"], item["version"], markers if isinstance(markers, str) else ""


def _pdm(data: Json) -> Iterator[tuple[str, str, str]]:
    for item in _listed(data.get("package")):
        if isinstance(item.get("version"), str) and not set(_ELSEWHERE) & set(item):
            marker = item.get("marker")
            yield item["name"], item["version"], marker if isinstance(marker, str) else ""


def _pylock(data: Json) -> Iterator[tuple[str, str, str]]:
    for item in _listed(data.get("packages")):
        if isinstance(item.get("version"), str) and not set(_ELSEWHERE) & set(item):
            marker = item.get("marker")
            yield item["name"], item["version"], marker if isinstance(marker, str) else ""


def _pipenv(data: Json) -> Iterator[tuple[str, str, str]]:
    for name, item in table(data.get("default")).items():
        version = table(item).get("version")
        if isinstance(version, str) and (exact := re.fullmatch(r"==(\S+)", version)):
            yield name, exact[1], ""


_READERS = {
    "uv.lock": _uv,
    "poetry.lock": _poetry,
    "pdm.lock": _pdm,
    "pylock.toml": _pylock,
    "Pipfile.lock": _pipenv,
}
