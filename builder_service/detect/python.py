"""Python tools: console scripts of any back end, scripts with an argument parser, packages with `__main__`."""

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from builder_service.detect import network, python_imports, python_manifests
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
from builder_service.detect.python_manifest import Manifest
from builder_service.detect.python_steps import (
    PYTHON,
    RUNTIME_VERSION,
    VENV,
    check_version,
    install_steps,
    requirements_file,
    system_packages,
)
from builder_service.detect.tree import Entry, Tree, normal
from shared.plan import Command, Plan

_PARSERS = frozenset(
    [
        "argparse",
        "optparse",
        "getopt",
        "click",
        "typer",
        "docopt",
        "fire",
        "plac",
        "cleo",
        "cement",
        "clize",
        "configargparse",
        "gooey",
        "absl.app",
        "cyclopts",
        "tap",
        "simple_parsing",
        "jsonargparse",
        "rich_click",
        "cmdliner",
        "defopt",
        "baker",
    ]
)


@dataclass
class _Code:
    """What the Python files use and which of them can be run."""

    imports: set[str] = field(default_factory=set)
    candidates: list[Candidate] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def detect(tree: Tree, facts: Facts) -> Finding:
    """The Python plan, or what was looked at; raises `NoPlan` when it is Python and cannot be built."""
    manifest = python_manifests.read(tree)
    files = python_imports.python_files(tree)
    any_file = files or any(entry.suffix == ".py" for entry in tree.files)
    if not any_file and not manifest.found and requirements_file(tree) is None:
        return Finding(
            None,
            looked=[
                "no Python file and no pyproject.toml, setup.cfg, setup.py or requirements.txt"
            ],
        )
    code = _scan(tree, files, manifest)
    names = [facts.name, manifest.name]
    candidates = rank([*_declared(tree, manifest), *code.candidates], names)
    if not candidates:
        return Finding(None, looked=_looked(manifest, files))
    commands = [candidate.command for candidate in candidates]
    plan = _plan(tree, facts, manifest, code, commands)
    return Finding(plan, strength(candidates, names), _looked(manifest, files))


def plan_for(tree: Tree, facts: Facts, command: Command) -> Plan:
    """The plan for a command that the owner named and detection did not see."""
    manifest = python_manifests.read(tree)
    code = _scan(tree, python_imports.python_files(tree), manifest)
    return _plan(tree, facts, manifest, code, [command])


def _plan(
    tree: Tree, facts: Facts, manifest: Manifest, code: _Code, commands: list[Command]
) -> Plan:
    if manifest.problems and not manifest.installable:
        raise NoPlan(manifest.problems[0])
    check_version(manifest.requires_python)
    evidence = [*manifest.found]
    steps, wanted = install_steps(tree, manifest, code.imports, facts, evidence)
    used = {*wanted, *code.imports, *(name.split(".")[0] for name in code.imports)}
    net, why = network.propose(used, network.PYTHON)
    return Plan(
        runtime="python",
        runtime_version=RUNTIME_VERSION,
        base="python",
        system_packages=system_packages(wanted, code.imports),
        steps=steps,
        commands=commands,
        network=net,
        env=_environment(manifest),
        evidence=[*evidence, commands[0].evidence, why],
    )


def command_for(tree: Tree, asked: str) -> Command | None:
    """The command that an owner named: a file of the repository, else a program of its environment."""
    if (entry := tree.paths.get(normal(asked))) is not None:
        return Command(
            name=entry.name, run=[PYTHON, f"/app/{entry.path}"], evidence=f"asked for: {entry.path}"
        )
    if re.fullmatch(r"[A-Za-z0-9][\w.+-]*", asked) and not asked.endswith(".py"):
        return Command(name=asked, run=[f"{VENV}/bin/{asked}"], evidence="asked for by name")
    return None


def _declared(tree: Tree, manifest: Manifest) -> Iterable[Candidate]:
    if not manifest.installable:
        return
    for name, (_, where) in manifest.scripts.items():
        if re.fullmatch(r"[\w.+-]+", name):
            yield Candidate(
                Command(name=name, run=[f"{VENV}/bin/{name}"], evidence=f"{name} in {where}"),
                DECLARED,
            )
    for path, where in manifest.script_files.items():
        name = path.rsplit("/", 1)[-1]
        if re.fullmatch(r"[\w.+-]+", name):
            yield Candidate(
                Command(name=name, run=[f"{VENV}/bin/{name}"], evidence=f"{path} in {where}"),
                DECLARED,
            )


def _scan(tree: Tree, files: list[Entry], manifest: Manifest) -> _Code:
    code = _Code()
    declared = {name.rsplit("/", 1)[-1] for name in manifest.script_files}
    for entry in tree.files if not files else [*files, *_aside(tree)]:
        module = python_imports.parse(tree.text(entry.path))
        if module is None:
            code.unreadable.append(entry.path)
            continue
        imports = python_imports.imported(module)
        if not is_aside(entry.path):
            code.imports |= imports
        candidate = _candidate(tree, entry, module, imports, manifest)
        if candidate is not None and candidate.command.name not in declared:
            code.candidates.append(candidate)
    return code


def _aside(tree: Tree) -> list[Entry]:
    return [e for e in tree.files if e.suffix == ".py" and is_aside(e.path) and not _is_test(e)][
        :200
    ]


def _is_test(entry: Entry) -> bool:
    return bool(
        re.search(
            r"(^|/)(tests?|testing|conftest)(/|\.py$|_)|(^|/)test_|_test\.py$|(^|/)setup\.py$",
            entry.path,
        )
    )


def _candidate(
    tree: Tree, entry: Entry, module: ast.Module, imports: set[str], manifest: Manifest
) -> Candidate | None:
    package = tree.has(
        "/".join([*entry.folders, "__init__.py"])[:] if entry.folders else "__init__.py"
    )
    parser = sorted(name for name in imports if name in _PARSERS or name.split(".")[0] in _PARSERS)
    guard = _has_guard(module)
    if entry.name == "__main__.py" and entry.folders:
        run, name = _as_module(entry.folders, manifest), entry.folders[-1]
        why = f"{entry.path} runs as python -m"
    elif guard or (_top_level_call(module) and not package) or tree.shebang(entry.path):
        if entry.name in ("__init__.py", "setup.py", "conftest.py"):
            return None
        relative = any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(module))
        parts = (*entry.folders, entry.stem)
        run = (
            _as_module(parts, manifest)
            if relative and entry.folders
            else [PYTHON, f"/app/{entry.path}"]
        )
        name = entry.name
        why = (
            f"{entry.path} has a __main__ guard" if guard else f"{entry.path} runs at its top level"
        )
    else:
        return None
    argv = "sys" in imports and "argv" in ast.unparse(module)
    if parser:
        why += f" and parses arguments ({parser[0].split('.')[0]})"
    elif argv:
        why += " and reads sys.argv"
    quality = ASIDE if is_aside(entry.path) else CLI if parser or argv else PLAIN
    return Candidate(
        Command(name=name, run=run, evidence=why), quality, entry.depth + (0 if parser else 1)
    )


def _as_module(parts: tuple[str, ...], manifest: Manifest) -> list[str]:
    shown = parts[1:] if parts[0] == "src" and manifest.installable else parts
    return [PYTHON, "-m", ".".join(shown or parts)]


def _has_guard(module: ast.Module) -> bool:
    return any(
        isinstance(node, ast.If)
        and "__name__" in ast.unparse(node.test)
        and "__main__" in ast.unparse(node.test)
        for node in module.body
    )


def _top_level_call(module: ast.Module) -> bool:
    return any(
        (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Call)
            and "parse_args" in ast.unparse(node)
        )
        or (isinstance(node, ast.Assign) and "parse_args(" in ast.unparse(node.value))
        for node in module.body
    )


def _environment(manifest: Manifest) -> dict[str, str]:
    env = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    if not manifest.installable:
        env["PYTHONPATH"] = "/app"
    return env


def _looked(manifest: Manifest, files: list[Entry]) -> list[str]:
    looked = []
    if manifest.found:
        looked.append(f"{', '.join(manifest.found)}: no console script")
    looked += manifest.problems
    if files:
        shown = ", ".join(entry.path for entry in files[:8])
        looked.append(f"{len(files)} Python files ({shown}): no argument parser or __main__ guard")
    return looked


LANGUAGE = Language("python", detect, command_for, plan_for, (".py", ".pyx"), ("python", "pypy"))
