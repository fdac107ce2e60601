"""Small repositories as dictionaries of files."""

import json
from pathlib import Path
from typing import Any

from builder_service.detect.finding import Facts
from builder_service.detect.tree import Tree
from builder_service.plan import choose
from shared.plan import Plan

Files = dict[str, str]

ARGPARSE = (
    'import argparse\n\nif __name__ == "__main__":\n    argparse.ArgumentParser().parse_args()\n'
)
NODE = "#!/usr/bin/env node\n"


def package(**fields: Any) -> str:
    """A `package.json`."""
    return json.dumps({"name": "tool", "version": "1.0.0", **fields})


def tree(folder: Path, files: Files) -> Tree:
    """The files on disk; a name that ends in `*` is executable."""
    for name, text in files.items():
        path = folder / name.rstrip("*")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if name.endswith("*") else 0o644)
    return Tree(folder)


def plan(
    folder: Path,
    files: Files,
    name: str = "tool",
    *,
    command: str | None = None,
    runtime: str | None = None,
    version: str | None = None,
) -> Plan:
    """What detection makes of these files in a repository of this name."""
    return choose(tree(folder, files), Facts(name, command, version), runtime=runtime)


def names(made: Plan) -> list[str]:
    return [command.name for command in made.commands]


def step(made: Plan, name: str) -> list[str]:
    """The argv of a step, empty when the plan has none of this name."""
    return next((s.argv for s in made.steps if s.name == name), [])
