"""Python tools: console scripts of any back end, scripts with an argument parser, packages with `__main__`."""

import re
from collections.abc import Iterable

from builder_service.detect import (
    network,
    python_imports,
    python_inline,
    python_manifests,
    python_scripts,
    python_versions,
    readme_uses,
)
from builder_service.detect.finding import (
    ASIDE,
    DECLARED,
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
from builder_service.detect.python_scripts import Code
from builder_service.detect.python_steps import PYTHON, VENV, install_steps, requirements_file
from builder_service.detect.python_system import system_packages
from builder_service.detect.tree import Entry, Tree, normal
from shared.plan import Command, Plan


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
    code = python_scripts.scan(tree, files, manifest)
    names = [facts.name, manifest.name]
    found = [*_declared(manifest), *code.candidates]
    if code.python_2 and not any(candidate.quality < ASIDE for candidate in found):
        raise NoPlan(
            f"{code.python_2[0]} is written for Python 2, which no build here has. "
            "Choose a newer ref, or a fork that runs on Python 3."
        )
    candidates = rank(found, names, readme_uses.count(tree))
    if not candidates:
        return Finding(None, looked=_looked(manifest, files))
    commands = [candidate.command for candidate in candidates]
    plan = _plan(tree, facts, manifest, code, commands)
    return Finding(plan, strength(candidates, names), _looked(manifest, files))


def plan_for(tree: Tree, facts: Facts, command: Command) -> Plan:
    """The plan for a command that the owner named and detection did not see."""
    manifest = python_manifests.read(tree)
    code = python_scripts.scan(tree, python_imports.python_files(tree), manifest)
    return _plan(tree, facts, manifest, code, [command])


def _plan(
    tree: Tree, facts: Facts, manifest: Manifest, code: Code, commands: list[Command]
) -> Plan:
    if manifest.problems and not manifest.installable:
        raise NoPlan(manifest.problems[0])
    inline = _inline(tree, manifest, commands)
    requires = manifest.requires_python or ",".join(
        i.requires_python for i in inline if i.requires_python
    )
    python = python_versions.choose(tree, requires)
    evidence = [*manifest.found, *(f"inline metadata of {one.path}" for one in inline)]
    if inline and manifest.dependencies is None:
        manifest.dependencies = list(dict.fromkeys(d for i in inline for d in i.dependencies))
    if python.beyond:
        evidence.append(
            f"it asks for Python {python.beyond}, which is not to be had here: tried with {python.version} all the same"
        )
    evidence += [python.note] if python.note else []
    steps, wanted = install_steps(
        tree, manifest, code.imports, facts, evidence, any_python=bool(python.beyond)
    )
    used = {*wanted, *code.imports, *(name.split(".")[0] for name in code.imports)}
    net, why = network.propose(used, network.PYTHON)
    beside = code.beside.get(commands[0].name)
    if beside:
        evidence.append(f"starts in a copy of the repository, because it opens {beside}")
    return Plan(
        runtime="python",
        runtime_version=python.version,
        base=python.base,
        system_packages=system_packages(wanted, code.imports, manifest),
        steps=steps,
        commands=commands,
        network=net,
        env=_environment(tree, manifest),
        evidence=[*evidence, commands[0].evidence, why],
        start="repository" if beside else "empty",
    )


def _inline(tree: Tree, manifest: Manifest, commands: list[Command]) -> list[python_inline.Inline]:
    """What the scripts say about themselves, where nothing speaks for them all."""
    if manifest.found or requirements_file(tree) is not None:
        return []
    paths = [command.run[-1].removeprefix("/app/") for command in commands]
    own = [path for path in paths if not is_aside(path)] or paths[:1]
    return [found for path in own if (found := python_inline.read(tree, path)) is not None]


def command_for(tree: Tree, asked: str) -> Command | None:
    """The command that an owner named: a file of the repository, else a program of its environment."""
    if (entry := tree.paths.get(normal(asked))) is not None:
        return Command(
            name=entry.name, run=[PYTHON, f"/app/{entry.path}"], evidence=f"asked for: {entry.path}"
        )
    if re.fullmatch(r"[A-Za-z0-9][\w.+-]*", asked) and not asked.endswith(".py"):
        return Command(name=asked, run=[f"{VENV}/bin/{asked}"], evidence="asked for by name")
    return None


def _declared(manifest: Manifest) -> Iterable[Candidate]:
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


def _environment(tree: Tree, manifest: Manifest) -> dict[str, str]:
    env = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    if not manifest.installable:
        source = any(e.folders[:1] == ("src",) and e.suffix == ".py" for e in tree.files)
        env["PYTHONPATH"] = "/app:/app/src" if source else "/app"
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
