"""Manifests that say anything at all: detection answers or refuses, quickly, and never breaks."""

import json
import random
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from builder_service.detect import node, python
from builder_service.detect.finding import Facts, NoPlan
from tests.builder_service.trees import ARGPARSE, Files, tree

VALUES = [
    "1", "true", "1.5", "2020-01-01", '"x"', '[1, "a", {}]', "{}", "{a = 1}", '[["a"]]', '"^99999999999999999999"', '"../x"',
    '"' + "9" * 5000 + '"', '"^"', '"~"', '"pkg:main [a,b"', '">=3.8,<"',
]  # fmt: skip
TABLES = [
    "project", "build-system", "tool.poetry", "tool.poetry.dependencies", "tool.poetry.scripts", "tool.poetry.extras",
    "project.scripts", "project.optional-dependencies", "project.entry-points.console_scripts", "tool.flit.metadata",
    "tool.setuptools", "tool.hatch.version", "tool.pdm.version", "tool.uv", "tool.versioneer", "packages", "package",
]  # fmt: skip
KEYS = [
    "name", "version", "scripts", "dependencies", "requires-python", "dynamic", "requires", "build-backend", "source",
    "optional-dependencies", "package-mode", "script-files", "versionfile_source", "python", "callable",
]  # fmt: skip
SETUPS = [
    "name=1", "entry_points=3", 'entry_points={"console_scripts": 5}', "**{1: 2}", 'scripts=["%999999999d" % 1]',
    'extras_require=["a"]', 'install_requires=f"{x:>999999999}"', "name=" + "+".join(['"a"'] * 5000), "name=" + "-" * 3000 + "1",
]  # fmt: skip
FIELDS = [
    "name", "bin", "scripts", "workspaces", "packages", "engines", "main", "exports", "packageManager", "dependencies",
    "directories", "volta", "devEngines", "node", ".",
]  # fmt: skip
PLAIN: list[Any] = [
    1,
    None,
    True,
    "x",
    "./a",
    "../..",
    "^20",
    "pnpm@1",
    "packages/*",
    "**/**/**",
    ">=x <y",
    "a" * 300,
]


def toml(chance: random.Random) -> str:
    lines = []
    for name in chance.sample(TABLES, chance.randint(0, 5)):
        lines.append(f"[{name}]" if chance.random() < 0.9 else f"[[{name}]]")
        lines += [
            f"{key} = {chance.choice(VALUES)}" for key in chance.sample(KEYS, chance.randint(0, 4))
        ]
    text = "\n".join(lines)
    return text if chance.random() < 0.9 else text[: chance.randint(0, len(text))]


def value(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.random()
    if depth > 3 or kind < 0.35:
        return chance.choice(PLAIN)
    if kind < 0.6:
        return [value(chance, depth + 1) for _ in range(chance.randint(0, 3))]
    return {chance.choice(FIELDS): value(chance, depth + 1) for _ in range(chance.randint(0, 4))}


def files(chance: random.Random) -> Files:
    made = {
        "tool.py": ARGPARSE,
        "cli.js": '#!/usr/bin/env node\nrequire("./x"); require("..")',
        "pyproject.toml": toml(chance),
        "package.json": json.dumps({name: value(chance) for name in chance.sample(FIELDS, 6)}),
    }
    for name in ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile"):
        if chance.random() < 0.3:
            made[name] = toml(chance)
    for name in ("Pipfile.lock", "lerna.json", "packages/a/package.json"):
        if chance.random() < 0.3:
            made[name] = json.dumps(value(chance))
    if chance.random() < 0.4:
        made["setup.py"] = f"from setuptools import setup\nsetup({chance.choice(SETUPS)})"
    return made


@pytest.mark.parametrize("seed", range(5))
def test_detection_never_breaks(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    for number in range(40):
        folder = tree(tmp_path / str(number), files(chance))
        for language in (python.LANGUAGE, node.LANGUAGE):
            try:
                language.detect(folder, Facts("tool"))
            except NoPlan as refusal:
                assert str(refusal)


@pytest.mark.parametrize(
    "text",
    [
        "a = 'x'\n" + "a = a + a\n" * 28 + "from setuptools import setup\nsetup(name=a)",
        "from setuptools import setup\nsetup(name='%999999999d' % 1)",
        "from setuptools import setup\na = '%*d'\nsetup(name=a % (999999999, 1))",
        "(" * 5000,
    ],
)
def test_a_setup_py_cannot_make_detection_use_up_the_machine(text: str, tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        found = python.LANGUAGE.detect(
            tree(tmp_path, {"setup.py": text, "tool.py": ARGPARSE}), Facts("t")
        )
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert found.plan is not None
    assert most < 50 << 20
