"""Which Java a repository asks for beside its build file: `.java-version`, `.sdkmanrc`, `.tool-versions`."""

import re

from builder_service.detect.tree import Tree

_OLD = re.compile(r"^1\.(\d)(?=[._]|$)")
_FILES = (
    (".java-version", re.compile(r"^\s*(?:[a-z][a-z0-9]*-)?([\d._]+)", re.MULTILINE)),
    (".sdkmanrc", re.compile(r"^\s*java\s*=\s*([\d._]+)", re.MULTILINE)),
    (".tool-versions", re.compile(r"^\s*java\s+(?:[a-z-]*-)?([\d._]+)", re.MULTILINE)),
)


def asked(tree: Tree) -> int | None:
    """The feature release (8, 17, 21, …) that a version manager's file names."""
    for path, pattern in _FILES:
        if found := pattern.search(tree.text(path)):
            number = re.split(r"[._]", _OLD.sub(r"\1", found[1]))[0]
            if number.isdigit() and len(number) < 4:
                return int(number)
    return None
