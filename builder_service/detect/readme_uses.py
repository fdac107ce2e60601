"""How often a repository's own documents show each command being typed: what its authors use most comes first."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

from builder_service.detect.tree import Entry, Tree

_MOST_FILES = 60
_MOST_TEXT = 200_000
_SUFFIXES = ("", ".md", ".markdown", ".rst", ".txt", ".adoc", ".asciidoc", ".org", ".pod", ".rdoc")
_TYPED = frozenset(
    ["", "sh", "bash", "shell", "zsh", "console", "shell-session", "shellsession", "sh-session", "terminal",
     "text", "txt", "plain", "plaintext", "none", "cmd", "example"]
)  # fmt: skip
_FENCE = re.compile(r"^\s*(```+|~~~+|-----*|\.\.\.\.+)\s*(?:\{?\.?([\w-]*).*)$")
_SOURCE = re.compile(r"^\[source,\s*([\w-]+)")
_DIRECTIVE = re.compile(
    r"^(\s*)(?:\.\. (?:code-block|code|sourcecode|parsed-literal|highlight)::\s*([\w-]*)\s*$|.*::\s*$)"
)
_PROMPT = re.compile(r"^\s*(?:[\w.@~:/()-]{0,40}[$%#]|>)\s+(?=\S)")
_SEPARATORS = re.compile(r"\|\|?|&&|;|\$\(")
_STARTERS = frozenset(
    ["sudo", "time", "nohup", "exec", "env", "python", "python2", "python3", "py", "perl", "ruby", "node", "rscript",
     "bash", "sh", "zsh", "java", "npx", "uvx", "bundle", "poetry", "pipenv", "pipx", "uv", "run", "usage:", "watch"]
)  # fmt: skip


def count(tree: Tree) -> Counter[str]:
    """Times that each program (the last part of its path) is the word that a shown command line starts with."""
    found: Counter[str] = Counter()
    for entry in [entry for entry in tree.files if _is_document(entry)][:_MOST_FILES]:
        for block in _blocks(tree.text(entry.path)[:_MOST_TEXT]):
            prompted = [line for line in block if _PROMPT.match(line)]
            for line in prompted or block:  # beside prompts stands what was printed
                found.update(programs(line))
    return found


def programs(line: str) -> Iterator[str]:
    """What a typed line runs: `cat x | sudo python3 ./tool.py -v` runs `cat` and `tool.py`."""
    for part in _SEPARATORS.split(_PROMPT.sub("", line)):
        for word in part.split():
            if word.lower() in _STARTERS or word.startswith("-") or re.match(r"\w+=", word):
                continue
            yield PurePosixPath(word).name
            break


def _is_document(entry: Entry) -> bool:
    if entry.suffix not in _SUFFIXES or (not entry.suffix and "readme" not in entry.name.lower()):
        return False
    name = entry.stem.lower()
    return (name.startswith("readme") and entry.depth <= 2) or (
        entry.folders[:1] in (("doc",), ("docs",)) and not name.startswith(("change", "history"))
    )


def _blocks(text: str) -> Iterator[list[str]]:
    """The code of a Markdown, reStructuredText or AsciiDoc text, without that of programming languages."""
    lines = text.splitlines()
    at = 0
    language = ""
    while at < len(lines):
        line = lines[at]
        at += 1
        if source := _SOURCE.match(line):
            language = source[1]
        elif fence := _FENCE.match(line):
            inside, after = _until(lines, at, fence[1])
            if after is None:  # an underline or a rule, not the beginning of a block
                continue
            at = after
            if (language or fence[2] or "").lower() in _TYPED:
                yield inside
            language = ""
        elif directive := _DIRECTIVE.match(line):
            inside, at = _indented(lines, at, len(directive[1]) + 1)
            if (directive[2] or "").lower() in _TYPED:
                yield inside
        elif re.match(r"^(?: {4}|\t)\s*\S", line) and (at < 2 or not lines[at - 2].strip()):
            inside, at = _indented(lines, at - 1, 4)
            yield inside
        elif re.match(r"^\s*\$ \S", line):
            yield [line]


def _until(lines: list[str], at: int, fence: str) -> tuple[list[str], int | None]:
    for end in range(at, len(lines)):
        if lines[end].strip() == fence:
            return lines[at:end], end + 1
    return [], None


def _indented(lines: list[str], at: int, least: int) -> tuple[list[str], int]:
    inside: list[str] = []
    while at < len(lines):
        line = lines[at].expandtabs(4)
        if line.strip():
            if len(line) - len(line.lstrip()) < least:
                break
            if not re.match(r"^\s*:[\w-]+:", line):
                inside.append(line)
        at += 1
    return inside, at
