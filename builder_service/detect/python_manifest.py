"""The facts that Python manifests declare, of whatever kind they are."""

import re
from dataclasses import dataclass, field
from typing import Any

from packaging.utils import canonicalize_name

Json = dict[str, Any]


def table(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def lines(text: str) -> list[str]:
    """Lines that say something."""
    found = (line.strip() for line in text.splitlines())
    return [line for line in found if line and not line.startswith("#")]


@dataclass
class Manifest:
    """The facts of all Python manifests of one folder together."""

    installable: bool = False
    backend: str = ""
    name: str = ""
    description: str = ""
    requires_python: str = ""
    scripts: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Command → (object reference, where it is declared)."""
    script_files: dict[str, str] = field(default_factory=dict)
    """Files that are installed as commands → where they are declared."""
    dependencies: list[str] | None = None
    """Requirements, or None where only the back end knows them."""
    extras: dict[str, list[str]] = field(default_factory=dict)
    """Optional groups of requirements that a user may ask for."""
    entry_extras: list[str] = field(default_factory=list)
    """Extras without which a command does not start, as entry points say (`pkg:main [cli]`)."""
    version_from_tag: bool = False
    version_file: str = ""
    """Where versioneer keeps the version of a source archive."""
    reads_package_info: bool = False
    """Whether the version's back end takes it from PKG-INFO when there is no Git."""
    needs_rust: bool = False
    found: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add_entry(self, line: str, where: str) -> None:
        """`name = package.module:function`, as entry points are written."""
        name, separator, target = line.partition("=")
        if separator and target.strip():
            reference, extras = split_extras(target)
            self.scripts.setdefault(name.strip(), (reference, where))
            self.entry_extras += extras


def requirement_name(text: str) -> str:
    """The normal name of a requirement; empty when it begins with none."""
    match = re.match(r"[A-Za-z0-9][\w.-]*", text.strip())
    return canonicalize_name(match[0]) if match else ""


def split_extras(target: str) -> tuple[str, list[str]]:
    """`package.module:function [one,two]` as the reference and the extras."""
    reference, _, rest = target.partition("[")
    names = [name.strip() for name in rest.partition("]")[0].split(",")]
    return reference.strip(), [name for name in names if re.fullmatch(r"[\w.-]+", name)]
