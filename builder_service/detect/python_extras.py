"""Which extras the commands of a project need to start."""

from packaging.utils import canonicalize_name

from builder_service.detect import python_imports
from builder_service.detect.python_manifest import Manifest, requirement_name
from builder_service.detect.tree import Tree

_BY_NAME = ("cli", "cmd", "commandline", "command-line", "cmdline")


def wanted(tree: Tree, manifest: Manifest) -> list[str]:
    """Those that entry points name, those called like a command line, those whose modules a command imports."""
    extras = {canonicalize_name(name): name for name in manifest.extras}
    found = {canonicalize_name(name) for name in manifest.entry_extras} & set(extras)
    found |= {name for name in extras if name in _BY_NAME}
    always = {requirement_name(text) for text in manifest.dependencies or []}
    imported = _imported_by_commands(tree, manifest)
    for name, requirements in manifest.extras.items():
        needed = {requirement_name(text) for text in requirements} & imported
        if needed - always and name.lower() not in ("dev", "test", "tests", "docs", "all", "full"):
            found.add(canonicalize_name(name))
    return sorted(extras[name] for name in found)


def _imported_by_commands(tree: Tree, manifest: Manifest) -> set[str]:
    """Distributions that the modules of the commands import without a guard."""
    found: set[str] = set()
    local = python_imports.local_modules(tree)
    for target, _ in manifest.scripts.values():
        path = target.partition(":")[0].strip().replace(".", "/")
        for place in (
            f"{path}.py",
            f"src/{path}.py",
            f"{path}/__init__.py",
            f"src/{path}/__init__.py",
        ):
            module = python_imports.parse(tree.text(place)) if tree.has(place) else None
            if module is not None:
                known, _ = python_imports.distributions(python_imports.imported(module), local)
                found |= {canonicalize_name(name) for name in known}
    return found
