"""Node tools: `bin` of package.json, and scripts that read their arguments."""

import json
import re
from collections.abc import Iterable
from typing import Any

from builder_service.detect import network
from builder_service.detect.finding import (
    ASIDE,
    CLI,
    DECLARED,
    PLAIN,
    Candidate,
    Facts,
    Finding,
    NoPlan,
    is_aside,
    rank,
    strength,
)
from builder_service.detect.language import Language
from builder_service.detect.tree import Entry, Tree, normal
from shared.plan import Command, Plan, Step

DEFAULT_MAJOR = 22
MAJORS = (22, 24)
_SUFFIXES = (".js", ".mjs", ".cjs")
_PARSERS = frozenset(
    [
        "commander",
        "yargs",
        "minimist",
        "meow",
        "cac",
        "arg",
        "argparse",
        "command-line-args",
        "sade",
        "oclif",
        "@oclif/core",
        "nopt",
        "mri",
        "optimist",
        "getopts",
        "dashdash",
        "caporal",
        "vorpal",
        "clipanion",
        "citty",
        "docopt",
        "minimist-lite",
        "yargs-parser",
    ]
)
_IMPORTS = re.compile(r"""(?:require\(\s*|from\s+|import\s*\(?\s*)['"]([^'"./][^'"]*)['"]""")


def detect(tree: Tree, facts: Facts) -> Finding:
    """The Node plan, or what was looked at; raises `NoPlan` when it is Node and cannot be built."""
    package, problem = _package(tree)
    scripts = _javascript(tree)
    if package is None and not scripts:
        return Finding(None, looked=[problem or "no package.json and no JavaScript file"])
    if package is None and problem:
        raise NoPlan(problem)
    package = package or {}
    names = [facts.name, str(package.get("name") or "").rsplit("/", 1)[-1]]
    declared = list(_declared(tree, package))
    candidates = rank([*declared, *_scripts(tree, package, scripts, declared)], names)
    looked = ["package.json: no bin"] if package and not declared else []
    looked += (
        [f"{len(scripts)} JavaScript files: none starts with #!… node or reads its arguments"]
        if scripts
        else []
    )
    if not candidates:
        return Finding(None, looked=looked)
    commands = [candidate.command for candidate in candidates]
    plan = _plan(tree, package, declared, scripts, commands)
    return Finding(plan, strength(candidates, names), looked)


def plan_for(tree: Tree, facts: Facts, command: Command) -> Plan:
    """The plan for a command that the owner named and detection did not see."""
    package, problem = _package(tree)
    if problem:
        raise NoPlan(problem)
    declared = list(_declared(tree, package or {}))
    return _plan(tree, package or {}, declared, _javascript(tree), [command])


def _plan(
    tree: Tree,
    package: dict[str, Any],
    declared: list[Candidate],
    scripts: list[Entry],
    commands: list[Command],
) -> Plan:
    major = _major(package)
    steps, evidence = _steps(tree, package, declared)
    own = [tree.text(entry.path)[:200_000] for entry in scripts if not is_aside(entry.path)]
    imports = {name for text in own for name in _IMPORTS.findall(text)}
    net, why = network.propose(imports | set(_table(package.get("dependencies"))), network.NODE)
    return Plan(
        runtime="node",
        runtime_version=str(major),
        base=f"node{major}",
        steps=steps,
        commands=commands,
        network=net,
        env={"NODE_ENV": "production"},
        evidence=[*evidence, commands[0].evidence, why],
    )


def _javascript(tree: Tree) -> list[Entry]:
    return [e for e in tree.files if e.suffix in _SUFFIXES or "node" in tree.shebang(e.path)[:1]]


def command_for(tree: Tree, asked: str) -> Command | None:
    """The command that an owner named: a file of the repository, else a program of its dependencies."""
    if (entry := tree.paths.get(normal(asked))) is not None:
        return Command(
            name=entry.name, run=_run(tree, entry.path), evidence=f"asked for: {entry.path}"
        )
    if re.fullmatch(r"[A-Za-z0-9][\w.-]*", asked) and not asked.endswith(_SUFFIXES):
        return Command(
            name=asked, run=[f"/app/node_modules/.bin/{asked}"], evidence="asked for by name"
        )
    return None


def _package(tree: Tree) -> tuple[dict[str, Any] | None, str]:
    text = tree.text("package.json")
    if not text.strip():
        return None, ""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        return None, f"package.json cannot be read: {str(error)[:200]}"
    return (data, "") if isinstance(data, dict) else (None, "package.json is not an object")


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _declared(tree: Tree, package: dict[str, Any]) -> Iterable[Candidate]:
    found = package.get("bin")
    own = str(package.get("name") or "").rsplit("/", 1)[-1]
    table: dict[str, Any] = {own: found} if isinstance(found, str) else _table(found)
    folder = _table(package.get("directories")).get("bin")
    if not table and isinstance(folder, str):
        inside = normal(folder)
        table = {e.stem: e.path for e in tree.files if "/".join(e.folders) == inside}
    for name, path in table.items():
        name = str(name).rsplit("/", 1)[-1]
        if isinstance(path, str) and normal(path) and re.fullmatch(r"[\w.+-]+", name):
            path = _resolve(tree, normal(path))
            evidence = f"{name} → {path} in bin of package.json"
            yield Candidate(Command(name=name, run=_run(tree, path), evidence=evidence), DECLARED)


def _resolve(tree: Tree, path: str) -> str:
    """Node's own search for a missing extension."""
    for text in (path, *(path + suffix for suffix in _SUFFIXES), path + "/index.js"):
        if tree.has(text):
            return text
    return path


def _run(tree: Tree, path: str) -> list[str]:
    shebang = tree.shebang(path)
    if shebang and shebang[0] in ("sh", "bash", "dash", "zsh"):
        return [shebang[0], f"/app/{path}"]
    flags = (
        [word for word in shebang[1:] if word.startswith("--")] if shebang[:1] == ["node"] else []
    )
    return ["node", *flags, f"/app/{path}"]


def _scripts(
    tree: Tree, package: dict[str, Any], scripts: list[Entry], declared: list[Candidate]
) -> Iterable[Candidate]:
    targets = {candidate.command.run[-1].removeprefix("/app/") for candidate in declared}
    start = re.fullmatch(r"node\s+(\S+)", str(_table(package.get("scripts")).get("start") or ""))
    started = _resolve(tree, normal(start[1])) if start else ""
    for entry in scripts:
        if entry.path in targets:
            continue
        text = tree.text(entry.path)[:200_000]
        parser = sorted(
            name
            for name in _IMPORTS.findall(text)
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
            Command(name=entry.name, run=_run(tree, entry.path), evidence=why), quality, entry.depth
        )


def _major(package: dict[str, Any]) -> int:
    wanted = _table(package.get("engines")).get("node")
    if not isinstance(wanted, str):
        return DEFAULT_MAJOR
    for major in MAJORS:
        if any(_fits(part, major) for part in wanted.split("||")):
            return major
    lowest = re.search(r"\d+", wanted)
    if lowest and int(lowest[0]) > max(MAJORS):
        raise NoPlan(
            f"The tool needs Node {wanted}; builds here have Node {MAJORS[0]} and {MAJORS[1]}."
        )
    return DEFAULT_MAJOR  # asks for an older one: what is newer nearly always runs it


def _fits(part: str, major: int) -> bool:
    """Whether a range like `>=18.0 <23` takes the newest release of this major version."""
    for operator, text in re.findall(
        r"(>=|<=|>|<|\^|~|=)?\s*v?(\d+(?:\.\d+)*|\*|x)", part.replace(".x", "").replace(".*", "")
    ):
        if text in "*x":
            continue
        wanted = int(text.split(".")[0])
        exact = text.count(".") == 0
        fits = {
            ">=": major >= wanted, ">": major > wanted or (not exact and major == wanted), "<=": major < wanted or (exact and major == wanted),
            "<": major < wanted, "^": major == wanted, "~": major == wanted, "=": major == wanted, "": major == wanted,
        }[operator]  # fmt: skip
        if not fits:
            return False
    return True


def _steps(
    tree: Tree, package: dict[str, Any], declared: list[Candidate]
) -> tuple[list[Step], list[str]]:
    scripts = _table(package.get("scripts"))
    missing = [
        c.command.run[-1].removeprefix("/app/")
        for c in declared
        if not tree.has(c.command.run[-1].removeprefix("/app/"))
    ]
    build = bool(missing) and isinstance(scripts.get("build"), str)
    lock = next(
        (name for name in ("package-lock.json", "npm-shrinkwrap.json") if tree.has(name)), None
    )
    other = next(
        (
            name
            for name in ("pnpm-lock.yaml", "yarn.lock", "bun.lockb", "bun.lock")
            if tree.has(name)
        ),
        None,
    )
    evidence = (
        ["package.json" + (f" + {lock or other}" if lock or other else "")]
        if package
        else ["no package.json"]
    )
    names = (
        "dependencies",
        "optionalDependencies",
        "peerDependencies",
        *(("devDependencies",) if build else ()),
    )
    needed = any(_table(package.get(name)) for name in names) or bool(package.get("workspaces"))
    if not package or (not needed and not build):
        return [], [*evidence, "no dependencies"]
    argv = [
        "npm",
        "ci" if lock else "install",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=warn",
    ]
    argv += [] if lock else ["--no-package-lock"]
    argv += ["--include=dev"] if build else ["--omit=dev"]
    whole = bool(package.get("workspaces")) or _has_local(package)
    files = [name for name in ("package.json", lock, ".npmrc") if name and tree.has(name)]
    steps: list[Step] = []
    strip = [name for name in ("devDependencies", "scripts") if _table(package.get(name))]
    if lock is None and not build and not whole:
        # npm resolves what it then leaves out: slowly, and in vain where those contradict one another.
        # Without the repository's own hooks (husky, prepare) those of its dependencies may run.
        if strip:
            steps.append(Step(name="manifest", argv=["npm", "pkg", "delete", *strip], files=files))
            files = []
        argv.remove("--ignore-scripts")
        return [*steps, Step(name="dependencies", argv=argv, files=files)], evidence
    steps.append(Step(name="dependencies", argv=argv, files=None if whole else files))
    if _may_have_install_scripts(tree, lock):
        rebuild = ["npm", "rebuild", "--loglevel=warn"]
        steps.append(Step(name="native modules", argv=rebuild, files=None if whole else []))
    if build:
        evidence.append(f"{missing[0]} is made by npm run build")
        steps.append(Step(name="build", argv=["npm", "run", "build"]))
        steps.append(
            Step(
                name="prune",
                argv=["npm", "prune", "--omit=dev", "--ignore-scripts", "--loglevel=warn"],
            )
        )
    return steps, evidence


def _has_local(package: dict[str, Any]) -> bool:
    tables = [
        _table(package.get(name))
        for name in ("dependencies", "devDependencies", "optionalDependencies")
    ]
    return any(
        str(value).startswith(("file:", "link:", "./", "../"))
        for table in tables
        for value in table.values()
    )


def _may_have_install_scripts(tree: Tree, lock: str | None) -> bool:
    if lock is None:
        return True
    text = tree.text(lock)
    return (
        '"hasInstallScript": true' in text or '"lockfileVersion": 1' in text or len(text) >= 1 << 20
    )


LANGUAGE = Language(
    "node", detect, command_for, plan_for, (".js", ".mjs", ".cjs", ".ts"), ("node", "nodejs")
)
