"""What a Node tool has to compile before it runs, and the scripts that do it."""

import re

from builder_service.detect import node_entries
from builder_service.detect.node_manifest import Package, Project
from builder_service.detect.tree import Tree

_SCRIPTS = ("build", "compile", "prepare", "prepack", "prepublishOnly", "prepublish", "bundle", "dist", "transpile",
            "tsc", "build:js", "build:lib", "build:dist", "build:cli")  # fmt: skip
_NO_BUILD = re.compile(
    r"^\s*(?:npx\s+)?(?:husky|simple-git-hooks|lefthook|git |is-ci|echo |exit |(?:npm|pnpm|yarn|bun) (?:run )?test\b|"
    r"pinst|patch-package|npm-run-all test|eslint|lint)"
)


def needed(tree: Tree, project: Project) -> tuple[list[Package], str]:
    """The packages whose commands wait for a build, and the first file that is not there."""
    waiting, first = [], ""
    for package in project.packages:
        commands = node_entries.bins(tree, package)
        if not commands:
            continue
        missing = [
            node_entries.unmade(tree, package, path) for path in sorted(set(commands.values()))
        ]
        missing += [
            node_entries.unmade_library(tree, sibling)
            for sibling in project.siblings(package)
            if sibling is not package
        ]
        found = [path for path in missing if path]
        if found:
            waiting.append(package)
            first = first or found[0]
    return waiting, first


def scripts(tree: Tree, project: Project, waiting: list[Package]) -> list[tuple[Package, str]]:
    """What to run, in this order: each package after those of the workspace that it needs."""
    order: list[Package] = []
    for package in waiting:
        order += [one for one in project.siblings(package) if one not in order]
    root = project.root
    made = [(one, script(one)) for one in order]
    lacking = [one for one, name in made if name is None and one in waiting]
    whole = script(root)
    if lacking and whole is not None and root not in order:
        return [(root, whole)]
    return [(one, name) for one, name in made if name is not None]


def script(package: Package) -> str | None:
    """The script that compiles a package, by what such scripts are usually called."""
    for name in _SCRIPTS:
        text = package.scripts.get(name, "")
        # `husky install && pnpm compile` both sets up hooks and compiles; a hook alone compiles nothing.
        if text and not (_NO_BUILD.match(text) and not re.search(r"\b(compile|build|tsc)\b", text)):
            return name
    return None


def compiler(tree: Tree, package: Package) -> list[str] | None:
    """TypeScript's own compiler, for a package that names no script for it."""
    known = package.needs("devDependencies", "dependencies")
    if "typescript" in known and tree.has(package.path("tsconfig.json")):
        return ["npx", "--no-install", "tsc", "-p", f"/app/{package.path('tsconfig.json')}"]
    return None
