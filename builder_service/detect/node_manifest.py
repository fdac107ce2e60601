"""package.json files: the project's root and the packages of its workspace."""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from builder_service.detect.finding import is_aside
from builder_service.detect.tree import Tree, normal

Json = dict[str, Any]
_MOST_PACKAGES = 200


def table(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


@dataclass(frozen=True)
class Package:
    """One package.json and the folder in which it lies."""

    folder: str
    data: Json

    @property
    def name(self) -> str:
        return str(self.data.get("name") or "")

    @property
    def short_name(self) -> str:
        return self.name.rsplit("/", 1)[-1]

    @property
    def manifest(self) -> str:
        return self.path("package.json")

    @property
    def scripts(self) -> dict[str, str]:
        return {k: v for k, v in table(self.data.get("scripts")).items() if isinstance(v, str)}

    def table(self, name: str) -> Json:
        return table(self.data.get(name))

    def needs(self, *tables: str) -> set[str]:
        """The names in these tables of dependencies."""
        return {name for key in tables for name in self.table(key)}

    def path(self, relative: str) -> str:
        """A path of the repository; empty when it climbs out of the package."""
        inside = normal(relative)
        return f"{self.folder}/{inside}" if inside and self.folder else inside


@dataclass(frozen=True)
class Project:
    """What one installation makes: the root package and those of its workspace."""

    root: Package
    members: tuple[Package, ...] = ()

    @property
    def packages(self) -> tuple[Package, ...]:
        return (self.root, *self.members)

    @cached_property
    def by_name(self) -> dict[str, Package]:
        return {package.name: package for package in self.members if package.name}

    def siblings(self, package: Package, seen: tuple[str, ...] = ()) -> list[Package]:
        """The workspace's packages that this one needs, those that others need first, itself last."""
        found: list[Package] = []
        wanted = package.needs("dependencies", "devDependencies", "peerDependencies")
        for name in sorted(wanted & set(self.by_name)):
            if name not in seen and name != package.name:
                for sibling in self.siblings(self.by_name[name], (*seen, package.name)):
                    if sibling not in found:
                        found.append(sibling)
        return [*found, package]


def read(tree: Tree) -> tuple[Project | None, str]:
    """The project at the root, else in the one folder that has commands; or why it cannot be read."""
    root, problem = _package(tree, "")
    if root is not None or problem:
        return (_project(tree, root), "") if root else (None, problem)
    found = []
    for entry in tree.files:
        if entry.name == "package.json" and 0 < entry.depth <= 2 and not is_aside(entry.path):
            package, _ = _package(tree, "/".join(entry.folders))
            if package is not None and (package.data.get("bin") or package.data.get("workspaces")):
                found.append(package)
    return (_project(tree, found[0]), "") if len(found) == 1 else (None, "")


def _package(tree: Tree, folder: str) -> tuple[Package | None, str]:
    path = f"{folder}/package.json" if folder else "package.json"
    text = tree.text(path)
    if not text.strip():
        return None, ""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        return None, f"{path} cannot be read: {str(error)[:200]}"
    return (Package(folder, data), "") if isinstance(data, dict) else (None, f"{path} is no object")


def _project(tree: Tree, root: Package) -> Project:
    patterns = _patterns(tree, root)
    members: list[Package] = []
    for entry in tree.files:
        folder = "/".join(entry.folders)
        inside = folder.removeprefix(f"{root.folder}/") if root.folder else folder
        if entry.name != "package.json" or folder == root.folder or not inside:
            continue
        if _matches(inside, patterns) and len(members) < _MOST_PACKAGES:
            package, _ = _package(tree, folder)
            if package is not None:
                members.append(package)
    return Project(root, tuple(members))


def _patterns(tree: Tree, root: Package) -> list[str]:
    declared = root.data.get("workspaces")
    declared = declared.get("packages") if isinstance(declared, dict) else declared
    found = strings(declared)
    found += _yaml_list(tree.text(root.path("pnpm-workspace.yaml")), "packages")
    if not found:
        try:
            lerna = json.loads(tree.text(root.path("lerna.json")) or "{}")
        except (ValueError, RecursionError):
            lerna = {}
        found = strings(table(lerna).get("packages"))
    return found


def _yaml_list(text: str, key: str) -> list[str]:
    """The items of one list of strings at the top of a YAML file, as pnpm writes it."""
    lines = text.splitlines()
    start = next((at for at, line in enumerate(lines) if line.rstrip() == f"{key}:"), len(lines))
    items = []
    for line in lines[start + 1 :]:
        item = line.strip()
        if item.startswith("-"):
            items.append(item[1:].split(" #")[0].strip().strip("'\""))
        elif item and not item.startswith("#"):
            break
    return [item for item in items if item]


def _matches(folder: str, patterns: list[str]) -> bool:
    kept = False
    for pattern in patterns:
        shape = normal(pattern.removeprefix("!"))
        if shape and re.fullmatch(_as_regex(shape), folder):
            kept = not pattern.startswith("!")
    return kept


def _as_regex(pattern: str) -> str:
    parts = []
    for part in PurePosixPath(pattern).parts:
        if part == "**":
            parts.append("(?:[^/]+/)*[^/]+")
        else:
            parts.append("[^/]*".join(re.escape(text) for text in part.split("*")))
    return "/".join(parts)
