"""The script beside a Makefile that people type, which starts the compiled programs."""

import re

from builder_service.detect.finding import same_name
from builder_service.detect.tree import Tree
from shared.plan import Command

_PACKAGES = {"python": "python3", "perl": "perl", "sh": "", "bash": "", "dash": ""}


def wrapper(tree: Tree, name: str) -> tuple[Command, str] | None:
    """An executable script at the top that is called like the repository, and the Debian package it needs ("": none)."""
    for entry in tree.files:
        if entry.depth or not entry.executable or not same_name(entry.name, name):
            continue
        words = tree.shebang(entry.path)
        program = re.sub(r"[\d.]+$", "", words[0]) if words else ""
        if program in _PACKAGES:
            package = _PACKAGES[program]
            why = f"{entry.path} is a script ({program}) called like the repository, beside the compiled programs"
            return Command(
                name=entry.name, run=[package or program, f"/app/{entry.path}"], evidence=why
            ), package
    return None
