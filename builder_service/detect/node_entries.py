"""The commands of Node packages: `bin` of every package, and scripts that read their arguments."""

import posixpath
import re
from collections.abc import Iterable

from builder_service.detect.finding import ASIDE, CLI, DECLARED, PLAIN, Candidate, is_aside
from builder_service.detect.node_manifest import Package, Project
from builder_service.detect.tree import Entry, Tree, normal
from shared.plan import Command

SUFFIXES = (".js", ".mjs", ".cjs")
_COMPLETED = (*SUFFIXES, ".json", ".node")
IMPORTS = re.compile(r"""(?:require\(\s*|from\s+|import\s*\(?\s*)['"]([^'"./][^'"]*)['"]""")
_RELATIVE = re.compile(r"""(?:require\(\s*|from\s+|import\s*\(?\s*)['"](\.{1,2}(?:/[^'"]*)?)['"]""")
_PARSERS = frozenset(
    ["commander", "yargs", "minimist", "meow", "cac", "arg", "argparse", "command-line-args", "sade", "oclif",
     "@oclif/core", "nopt", "mri", "optimist", "getopts", "dashdash", "caporal", "vorpal", "clipanion", "citty",
     "docopt", "minimist-lite", "yargs-parser", "gunshi", "@stricli/core", "@effect/cli"]
)  # fmt: skip
_RUNNERS = ("tsx", "ts-node", "bun")


def javascript(tree: Tree) -> list[Entry]:
    """Files of the repository that Node runs, those of its developers' own hidden folders left out."""
    return [
        entry
        for entry in tree.files
        if (entry.suffix in SUFFIXES or "node" in tree.shebang(entry.path)[:1])
        and not any(folder.startswith(".") for folder in entry.folders)
    ]


def bins(tree: Tree, package: Package) -> dict[str, str]:
    """Command → file of the repository (which a build may have to make first)."""
    found = package.data.get("bin")
    listed = {package.short_name: found} if isinstance(found, str) else package.table("bin")
    folder = package.table("directories").get("bin")
    if not listed and isinstance(folder, str):
        inside = package.path(folder)
        listed = {e.stem: e.path for e in tree.files if "/".join(e.folders) == inside}
        return {name: path for name, path in listed.items() if re.fullmatch(r"[\w.+-]+", name)}
    made = {}
    for name, path in listed.items():
        name = str(name).rsplit("/", 1)[-1]
        if isinstance(path, str) and package.path(path) and re.fullmatch(r"[\w.+-]+", name):
            made[name] = completed(tree, package.path(path))
    return made


def declared(tree: Tree, project: Project) -> Iterable[Candidate]:
    """Every package's commands; those of packages that lie among examples or helpers come last."""
    for package in project.packages:
        aside = bool(package.folder) and is_aside(package.folder + "/x")
        for name, path in bins(tree, package).items():
            evidence = f"{name} → {path} in bin of {package.manifest}"
            yield Candidate(
                Command(name=name, run=run(tree, path), evidence=evidence),
                ASIDE if aside else DECLARED,
                package.folder.count("/") + bool(package.folder),
            )


def completed(tree: Tree, path: str) -> str:
    """Node's own search for a missing extension."""
    for text in (path, *(path + suffix for suffix in _COMPLETED), path + "/index.js"):
        if tree.has(text):
            return text
    return path


def run(tree: Tree, path: str) -> list[str]:
    """How the file is executed: by its shebang's program, else by Node."""
    shebang = tree.shebang(path)
    if shebang and shebang[0] in ("sh", "bash", "dash", "zsh"):
        return [shebang[0], f"/app/{path}"]
    if shebang and shebang[0] in _RUNNERS:
        return [f"/app/node_modules/.bin/{shebang[0]}", f"/app/{path}"]
    flags = (
        [word for word in shebang[1:] if word.startswith("--")] if shebang[:1] == ["node"] else []
    )
    return ["node", *flags, f"/app/{path}"]


def unmade(tree: Tree, package: Package, path: str) -> str | None:
    """The file that a command needs and that the repository does not hold: a build makes it."""
    if not tree.has(path):
        return path
    for wanted in _RELATIVE.findall(tree.text(path)[:50_000]):
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), wanted))
        target = "" if target == "." else target
        if target in ("", package.folder):
            main = package.data.get("main")
            target = package.path(main) if isinstance(main, str) else package.path("index.js")
        folder = any(entry.path.startswith(target + "/") for entry in tree.files)
        if normal(target) and not folder and not tree.has(completed(tree, target)):
            return target
    return None


def unmade_library(tree: Tree, package: Package) -> str | None:
    """The same of a package that others import."""
    main = package.data.get("main") or package.data.get("module")
    if not isinstance(main, str):
        exported = package.data.get("exports")
        while isinstance(exported, dict) and exported:
            exported = next(
                (exported[k] for k in (".", "import", "default") if k in exported), None
            )
        main = exported if isinstance(exported, str) else None
    path = package.path(main) if isinstance(main, str) else ""
    return path if path and not tree.has(completed(tree, path)) else None


def scripts(
    tree: Tree, project: Project | None, files: list[Entry], known: set[str]
) -> Iterable[Candidate]:
    """Files that start with `#!… node`, parse arguments or are what `npm start` runs."""
    start = project.root.scripts.get("start", "") if project else ""
    match = re.fullmatch(r"node\s+(\S+)", start)
    started = completed(tree, project.root.path(match[1])) if match and project else ""
    for entry in files:
        if entry.path in known:
            continue
        text = tree.text(entry.path)[:200_000]
        parser = sorted(
            name
            for name in IMPORTS.findall(text)
            if name in _PARSERS or (name == "node:util" and "parseArgs" in text)
        )
        argv = "process.argv" in text
        shebang = "node" in tree.shebang(entry.path)[:1]
        if not (shebang or parser or argv or entry.path == started):
            continue
        if not shebang and entry.path != started and (entry.depth > 1 or is_aside(entry.path)):
            continue
        why = f"{entry.path} " + (
            "starts with #!… node" if shebang else f"parses arguments ({parser[0]})" if parser else
            "reads process.argv" if argv else "is what npm start runs"
        )  # fmt: skip
        quality = ASIDE if is_aside(entry.path) else CLI if parser or argv else PLAIN
        yield Candidate(
            Command(name=entry.name, run=run(tree, entry.path), evidence=why), quality, entry.depth
        )
