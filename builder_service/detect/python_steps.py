"""How a Python tool is installed: dependencies first, so that they stay when only the source changes."""

import re
from collections.abc import Iterable

from packaging.requirements import InvalidRequirement, Requirement

from builder_service import versions
from builder_service.detect import python_build_tools, python_extras, python_imports, python_locks
from builder_service.detect.finding import Facts
from builder_service.detect.python_manifest import Manifest, requirement_name
from builder_service.detect.tree import Tree, normal
from shared.plan import Step

VENV = "/opt/venv"
PYTHON = f"{VENV}/bin/python"
WITH_VERSIONS = "/usr/local/bin/with-versions"
"""The base's helper: the command before `::` installs nothing but these versions of what it installs."""
OLDER_SETUPTOOLS = "/opt/older-setuptools.txt"
"""The base's constraint on what packages are built with."""
_PACKAGE_INFO = "Metadata-Version: 2.1\nName: %s\nVersion: %s\n"
_VERSIONEER = """import json

version_json = '''
{"date": null, "dirty": false, "error": null, "full-revisionid": null, "version": "%s"}
'''  # END VERSION_JSON


def get_versions():
    return json.loads(version_json)
"""
_DEVELOPERS = frozenset(
    ["pytest", "tox", "nox", "sphinx", "flake8", "coverage", "pytest-cov", "twine", "bumpversion", "bump2version", "mypy",
     "ruff", "black", "pylint", "pre-commit", "invoke", "nose", "build"]
)  # fmt: skip
_INSTALL = ["uv", "pip", "install", "--python", PYTHON, "--compile-bytecode"]
_NOT_ISOLATED = ("--no-build-isolation",)
BUILD_TOOLS = "build tools"
_INSTALL_ANYWAY = [PYTHON, "-m", "pip", "install", "--ignore-requires-python"]


def requirements_file(tree: Tree) -> str | None:
    """The usual places of a requirements file."""
    for path in ("requirements.txt", "requirements/base.txt", "requirements/requirements.txt", "requirements/main.txt",
                 "requirements/prod.txt", "requirements/production.txt", "requirements/common.txt", "requirement.txt",
                 "deps/requirements.txt", "src/requirements.txt"):  # fmt: skip
        if tree.has(path):
            return path
    return None


def _requirement_files(tree: Tree, path: str, seen: set[str]) -> list[str]:
    """The file and those that it includes."""
    if path in seen or not tree.has(path):
        return []
    seen.add(path)
    files = [path]
    folder = path.rsplit("/", 1)[0] + "/" if "/" in path else ""
    for found in re.findall(
        r"^\s*(?:-r|-c|--requirement|--constraint)[ =]?\s*(\S+)", tree.text(path), re.MULTILINE
    ):
        files += _requirement_files(tree, normal(folder + found), seen)
    return files


def install_steps(
    tree: Tree,
    manifest: Manifest,
    imports: set[str],
    facts: Facts,
    evidence: list[str],
    *,
    any_python: bool = False,
) -> tuple[list[Step], set[str]]:
    """The steps, and the names of what they install; adds what was found to `evidence`.

    With `any_python` the project is installed whichever Python it asks for, and without the versions that a
    lock file has for that one.
    """
    env: dict[str, str] = {}
    later: list[Step] = []
    if manifest.version_from_tag:
        version = facts.version or "0.1"
        env = versions.environment(version)
        evidence.append(f"version {version}, from the repository's tags")
        if manifest.reads_package_info and not tree.has("PKG-INFO"):
            later.append(_written("PKG-INFO", _PACKAGE_INFO, manifest.name or "tool", version))
        if manifest.version_file and normal(manifest.version_file):
            later.append(_written(normal(manifest.version_file), _VERSIONEER, version))
    first, wanted = _dependencies(tree, manifest, imports, env, evidence)
    if manifest.installable:
        extras = python_extras.wanted(tree, manifest)
        if extras:
            evidence.append(f"with the extras {', '.join(extras)}, which its commands need")
        target = f".[{','.join(extras)}]" if extras else "."
        tools = [] if any_python else python_build_tools.wanted(tree)
        if tools:
            folder = ["--target", python_build_tools.FOLDER]
            first.append(Step(name=BUILD_TOOLS, argv=[*_INSTALL, *folder, "--", *tools], files=[]))
            env = {**env, "PYTHONPATH": python_build_tools.FOLDER}
        how = _INSTALL_ANYWAY if any_python else [*_INSTALL, *(_NOT_ISOLATED if tools else ())]
        later.append(Step(name="install", argv=[*how, "--", target], env=env))
    steps = [*first, *later]
    if manifest.found and not manifest.backend:
        steps = [with_older_setuptools(step) for step in steps]
    if any_python:
        return steps, wanted | _names(manifest.dependencies or [])
    locked = python_locks.read(tree)
    if locked.problem:
        evidence.append(locked.problem)
    if locked.versions and any(_installs(step) and "-r" not in step.argv for step in steps):
        evidence.append(f"versions of {locked.file}")
        steps = [_with_versions(step, locked.versions) for step in steps]
    return steps, wanted | _names(manifest.dependencies or [])


def isolated(step: Step) -> Step:
    """The step as it is without build tools beside it."""
    env = {key: value for key, value in step.env.items() if value != python_build_tools.FOLDER}
    argv = [word for word in step.argv if word not in _NOT_ISOLATED]
    return step.model_copy(update={"argv": argv, "env": env})


def _installs(step: Step) -> bool:
    return any(step.argv[: len(how)] == how for how in (_INSTALL, _INSTALL_ANYWAY))


def with_older_setuptools(step: Step) -> Step:
    """A setup.py without [build-system] is from a time when setuptools still had pkg_resources."""
    if not _installs(step) and step.argv[:1] != [WITH_VERSIONS]:
        return step
    older = dict.fromkeys(("UV_BUILD_CONSTRAINT", "PIP_CONSTRAINT"), OLDER_SETUPTOOLS)
    return step.model_copy(update={"env": {**older, **step.env}})


def _with_versions(step: Step, pins: tuple[str, ...]) -> Step:
    if not _installs(step) or step.name == BUILD_TOOLS:
        return step
    return step.model_copy(update={"argv": [WITH_VERSIONS, *step.argv, "::", *pins]})


def constrained(step: Step, constraint: str) -> Step:
    """The step with one more bound on what it installs."""
    if step.argv[:1] == [WITH_VERSIONS]:
        return step.model_copy(update={"argv": [*step.argv, constraint]})
    return _with_versions(step, (constraint,))


def _dependencies(
    tree: Tree, manifest: Manifest, imports: set[str], env: dict[str, str], evidence: list[str]
) -> tuple[list[Step], set[str]]:
    """What can be installed before the source is there; from the manifest, else requirements, else imports."""
    listed = manifest.dependencies
    if listed and all(_plain(text) for text in listed):
        return [Step(name="dependencies", argv=[*_INSTALL, "--", *listed], files=[])], set()
    requirements = requirements_file(tree)
    if manifest.installable and requirements and _is_for_developers(tree.text(requirements)):
        requirements = None
    if requirements is not None and not (manifest.installable and listed):
        return _from_requirements(tree, manifest, requirements, env, evidence)
    if manifest.found and (manifest.installable or listed is not None):
        return [], set()
    found, unknown = python_imports.distributions(imports, python_imports.local_modules(tree))
    if unknown:
        evidence.append("imports that nothing is known about: " + ", ".join(unknown[:10]))
    if not found:
        evidence.append("no manifest, and no import beyond the standard library")
        return [], set()
    evidence.append("no manifest: " + ", ".join(found) + " by imports")
    return [Step(name="dependencies", argv=[*_INSTALL, "--", *found], files=[])], _names(found)


def _is_for_developers(text: str) -> bool:
    """Whether a list beside a package that declares no dependency serves its tests and releases instead."""
    return bool(_names(text.splitlines()) & _DEVELOPERS)


def _from_requirements(
    tree: Tree, manifest: Manifest, path: str, env: dict[str, str], evidence: list[str]
) -> tuple[list[Step], set[str]]:
    text = tree.text(path)
    local = bool(re.search(r"^\s*(-e\b|\.|--editable|file:)", text, re.MULTILINE))
    if local and manifest.installable:
        return [], set()
    evidence.append(path)
    step = Step(
        name="dependencies",
        argv=[*_INSTALL, "-r", path],
        env=env if local else {},
        files=None if local else _requirement_files(tree, path, set()),
    )
    return [step], _names(re.findall(r"^\s*([A-Za-z0-9][\w.\-\[\],]*)", text, re.MULTILINE))


def _written(path: str, text: str, *words: str) -> Step:
    """A file of the version's back end, as a source archive has it; `text` is a constant with places for words."""
    code = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(sys.argv[2] % tuple(sys.argv[3:]))"
    return Step(name="version", argv=[PYTHON, "-c", code, path, text, *words])


def _plain(text: str) -> bool:
    """Whether a requirement is a name with conditions, not a path or an address."""
    try:
        return Requirement(text).url is None
    except InvalidRequirement:
        return False


def _names(requirements: Iterable[str]) -> set[str]:
    return {requirement_name(text) for text in requirements} - {""}
