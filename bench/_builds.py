"""Builds to measure: each tree by the platform, from nothing and again, and by hand in the same base image."""

import os
import shutil
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import docker
import httpx

from bench.context import Context
from builder_service import bases
from builder_service.operator_env import CA, Operator
from builder_service.settings import BuilderSettings
from shared.plan import Plan
from tests.git_server import repository_from_tree

_ROOT = Path(__file__).parent.parent
_FIXTURES = _ROOT / "tests/builder_service/fixtures"
_EXAMPLES = ("hello-python", "node-csv2json")
_SOURCE = "/run/toolyard-source"
_SECONDS = 1800.0
_SOURCES = (".py", ".js", ".go", ".rs", ".c", ".cpp", ".java", ".rb", ".pl", ".R", ".sh")
_FOREIGN = frozenset({"setup.py", "vendor", "node_modules"})
"""A manifest, and where the sources of others lie: an edit there is one of the dependencies."""
_numbers = count(1)


def trees() -> list[Path]:
    """The work trees in the folder `TOOLYARD_BENCH_CORPUS`, else our own fixtures and examples."""
    if folder := os.environ.get("TOOLYARD_BENCH_CORPUS"):
        return sorted(path for path in Path(folder).iterdir() if path.is_dir())
    return [*(_ROOT / "examples" / name for name in _EXAMPLES), *sorted(_FIXTURES.glob("*/*"))]


@dataclass(frozen=True)
class Built:
    """The seconds of one tree's builds."""

    name: str
    cold: float
    unchanged: float
    changed: float
    by_hand: float | None
    """None where the repository's own Dockerfile was used: it has no install in a base."""
    has_dependencies: bool


class Builds:
    """Builds of a context's platform; measured once, whoever asks."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @cached_property
    def all(self) -> list[Built]:
        return [self._measure(tree) for tree in trees()]

    def _measure(self, source: Path) -> Built:
        name = source.name.lower()
        tree = self._context.scratch / "trees" / name
        shutil.copytree(source, tree, symlinks=True)
        self._serve(tree)
        # The first build makes base images where they are missing, which are no part of a build. What it
        # keeps is its own account's, so the next account begins with nothing.
        with self._account() as first:
            self._ready(first, name)
        with self._account() as api:
            cold, version = self._timed(api, name)
            unchanged, _ = self._timed(api, name)
            plan = Plan.model_validate(version["plan"])
            by_hand = None if plan.dockerfile else self._by_hand(api, version, plan, tree)
            _change(tree)
            self._serve(tree)
            changed, _ = self._timed(api, name)
        fetched = bool(plan.system_packages) or any(step.files is not None for step in plan.steps)
        return Built(name, cold, unchanged, changed, by_hand, fetched)

    def _serve(self, tree: Path) -> None:
        repository_from_tree(self._context.git.root, tree.name, tree)

    def _account(self) -> httpx.Client:
        platform = self._context.platform
        email = f"builds-{next(_numbers)}@example.org"
        token = platform.json("admin", "create-user", email, "--json")["token"]
        return httpx.Client(
            base_url=platform.url, headers={"Authorization": f"Bearer {token}"}, timeout=60
        )

    def _timed(self, api: httpx.Client, name: str) -> tuple[float, dict[str, Any]]:
        started = time.perf_counter()
        version = self._ready(api, name)
        return time.perf_counter() - started, version

    def _ready(self, api: httpx.Client, name: str) -> dict[str, Any]:
        """The version of a new private tool, as soon as it can be run."""
        answer = api.post(
            "/api/v1/tools",
            json={
                "link": self._context.git.link(name),
                "name": f"{name}-{next(_numbers)}",
                "private": True,
            },
        )
        answer.raise_for_status()
        path = f"/api/v1/tools/{answer.json()['id']}/versions/1"
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            version: dict[str, Any] = api.get(path).json()
            if version["state"] == "ready":
                return version
            if version["state"] == "failed":
                raise AssertionError(f"{name}: {version['reason']}")
            time.sleep(0.05)
        raise AssertionError(f"{name} was not ready after {_SECONDS:g} s")

    def _by_hand(self, api: httpx.Client, version: dict[str, Any], plan: Plan, tree: Path) -> float:
        """Seconds of the same commands, one after the other, in one container of the same base."""
        path = f"/api/v1/tools/{version['tool_id']}/versions/1/provenance"
        made = api.get(path).json()["predicate"]["buildDefinition"]["resolvedDependencies"]
        base = next(one for one in made if one["uri"] == f"base:{plan.base}")["digest"]["sha256"]
        settings = BuilderSettings.read(self._context.platform.environ)
        operator = Operator(
            settings.build_ca,
            settings.build_proxy,
            settings.build_python_index,
            settings.build_node_registry,
        )
        volumes = {str(tree): {"bind": _SOURCE, "mode": "ro"}}
        if settings.build_ca is not None:
            volumes[str(settings.build_ca)] = {"bind": CA, "mode": "ro"}
        engine = docker.from_env()
        container = None
        started = time.perf_counter()
        try:
            container = engine.containers.run(
                f"sha256:{base}",
                ["sleep", "infinity"],
                detach=True,
                init=True,
                labels={"toolyard.bench": "by-hand"},
                volumes=volumes,
                environment=operator.environment(),
            )
            for argv, as_root, env in _commands(plan):
                ended = container.exec_run(
                    argv, user="0" if as_root else "65532", workdir="/app", environment=env
                )
                if ended.exit_code != 0:
                    raise AssertionError(f"{tree.name} by hand: {argv[:3]}: {ended.output!r}")
            return time.perf_counter() - started
        finally:
            if container is not None:
                container.remove(force=True)
            engine.close()


def _commands(plan: Plan) -> list[tuple[list[str], bool, dict[str, str]]]:
    """Everything that a person would type: packages, the source, the steps."""
    apt = ["bash", "-ec", bases.APT, "bash"]
    found: list[tuple[list[str], bool, dict[str, str]]] = []
    if plan.system_packages:
        found.append(([*apt, *plan.system_packages], True, {}))
    found.append((["cp", "-R", f"{_SOURCE}/.", "/app/"], False, {}))
    for step in plan.steps:
        argv = [*apt, *step.argv[2:]] if step.as_root else step.argv
        found.append((argv, step.as_root, step.env))
    return found


def _change(tree: Path) -> None:
    """Touch the largest source file, as an edit of the program does; no manifest and no dependency changes."""
    sources = [path for path in tree.rglob("*") if path.suffix in _SOURCES and path.is_file()]
    sources = [path for path in sources if not _FOREIGN & {*path.relative_to(tree).parts}]
    sources = sources or [tree / "CHANGED"]
    with max(sources, key=lambda path: path.stat().st_size if path.exists() else 0).open("ab") as f:
        f.write(b"\n")


def median(builds: list[Built], of: Callable[[Built], float]) -> float:
    """Of a figure over all builds."""
    return statistics.median(of(one) for one in builds)
