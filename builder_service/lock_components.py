"""What lock files of the source name: compiled languages leave no trace of it in the image."""

import re
import tomllib

from builder_service.detect.tree import Tree
from builder_service.inventory import Component

_GO = re.compile(r"^(\S+) (v[^\s/]+) h1:", re.MULTILINE)
_GEM = re.compile(r"^ {4}([A-Za-z0-9._-]+) \(([^)\s]+)\)$", re.MULTILINE)


def lock_components(tree: Tree) -> list[Component]:
    """Modules of go.sum, crates of Cargo.lock, gems of Gemfile.lock, sorted."""
    found = [Component("golang", *pair) for pair in _GO.findall(tree.text("go.sum"))]
    found += [Component("gem", *pair) for pair in _GEM.findall(tree.text("Gemfile.lock"))]
    return sorted({*found, *_crates(tree.text("Cargo.lock"))})


def _crates(text: str) -> list[Component]:
    try:
        packages = tomllib.loads(text).get("package", [])
    except tomllib.TOMLDecodeError:
        return []
    if not isinstance(packages, list):
        return []
    return [
        Component("cargo", one["name"], one["version"])
        for one in packages
        if isinstance(one, dict)
        and isinstance(one.get("name"), str)
        and isinstance(one.get("version"), str)
        and "source" in one  # the workspace's own crates have none
    ]
