"""The facts that Python manifests declare, of whatever kind they are."""

from dataclasses import dataclass, field
from typing import Any

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
    extras: list[str] = field(default_factory=list)
    version_from_tag: bool = False
    versioningit: bool = False
    found: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add_entry(self, line: str, where: str) -> None:
        """`name = package.module:function`, as entry points are written."""
        name, separator, target = line.partition("=")
        if separator and target.strip():
            self.scripts.setdefault(name.strip(), (target.strip(), where))
