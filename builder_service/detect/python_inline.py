"""What a single script says about itself: inline metadata (PEP 723)."""

import re
import tomllib
from dataclasses import dataclass

from builder_service.detect.python_manifest import strings
from builder_service.detect.tree import Tree

_BLOCK = re.compile(r"(?m)^# /// script[ \t]*\r?\n((?:^#(?: .*)?\r?\n)+?)^# ///[ \t]*$")


@dataclass(frozen=True)
class Inline:
    """Requirements of one script."""

    path: str
    dependencies: tuple[str, ...]
    requires_python: str = ""


def read(tree: Tree, path: str) -> Inline | None:
    """The block of one file; None when it has none or one that cannot be read."""
    found = _BLOCK.findall(tree.text(path)[:100_000])
    if len(found) != 1:
        return None
    text = "\n".join(line[2:] for line in found[0].splitlines())
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError):
        return None
    requires = data.get("requires-python")
    return Inline(
        path,
        tuple(strings(data.get("dependencies"))),
        requires if isinstance(requires, str) else "",
    )
