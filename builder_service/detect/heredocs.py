"""Texts that stand inside shell and Perl scripts: help, embedded files; none of it is the script's own code."""

import re

_HEREDOC = re.compile(
    r"(<<[~-]?[ \t]*(['\"]?)([A-Za-z_]\w*)\2[^\n]*\n)(?:.*?\n)??[ \t]*\3[ \t]*(?=\n|\Z)", re.DOTALL
)


def without(text: str) -> str:
    """The script without its here documents."""
    return _HEREDOC.sub(r"\1", text)
