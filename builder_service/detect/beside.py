"""Whether a script opens files of its repository by a path relative to where it is started."""

import re
from collections.abc import Iterable
from typing import Literal

from builder_service.detect.tree import Tree, normal

_QUOTED = re.compile(r"""["']((?:\./)?[\w][\w./-]*)["']|(?<=\s)((?:\./)?[\w-][\w./-]*)(?=\s|$)""")
# Lines that ask for their own place first find their files from everywhere.
_OWN_PLACE = re.compile(
    r"dirname|__dir__|__FILE__|BASH_SOURCE|FindBin|\$Bin|\$0|%~dp0|commandArgs|here::|system\.file|require_relative"
)


def start(
    tree: Tree, texts: Iterable[str], opens: re.Pattern[str]
) -> Literal["empty", "repository"]:
    """`repository` when a line that matches `opens` names a file that lies at that path of the repository."""
    for text in texts:
        for line in text.splitlines():
            if not opens.search(line) or _OWN_PLACE.search(line):
                continue
            for quoted, bare in _QUOTED.findall(line):
                path = normal(quoted or bare)
                if path and (tree.has(path) or tree.has(path + ".rb")):
                    return "repository"
    return "empty"
