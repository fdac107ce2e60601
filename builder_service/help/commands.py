"""The subcommands that a help text lists."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from builder_service.help import entries
from builder_service.help.sections import Section, indent

_TITLE = re.compile(r"\b(?:sub-?)?commands?\b", re.I)
_NOT = re.compile(r"\b(?:options?|flags?|arguments?|examples?|line|usage|more|help)\b", re.I)
_NAME = re.compile(r"[A-Za-z0-9][\w.:+-]{0,60}")
_BRACES = re.compile(r"\s*\{[\w.:+,\s|-]{1,3000}\}(?:\s*\.\.\.)?\s*")
_IGNORED = {"help", "completion", "completions"}


@dataclass
class Listed:
    """One subcommand of the list."""

    about: str = ""
    aliases: list[str] = field(default_factory=list)


def find(parts: Sequence[Section], program: str) -> dict[str, Listed]:
    """Subcommands in the order of the text."""
    found: dict[str, Listed] = {}
    for section in parts:
        inner = _below_braces(section.lines)
        if inner is not None:
            lines = inner
        elif _TITLE.search(section.title) and not _NOT.search(section.title):
            lines = section.lines
        else:
            continue
        for entry in entries.named(lines):
            listed = _listed(entry, program)
            if listed is not None and listed[0] not in _IGNORED:
                found.setdefault(listed[0], listed[1])
    return found


def _below_braces(lines: Sequence[str]) -> list[str] | None:
    """argparse's: the entries deeper than a line `{add,remove}`."""
    for n, line in enumerate(lines):
        if _BRACES.fullmatch(line) and indent(line):
            at = indent(line)
            kept: list[str] = []
            for other in lines[n + 1 :]:
                if other.strip() and indent(other) <= at:
                    break
                kept.append(other)
            return kept if entries.named(kept) else None
    return None


def _listed(entry: entries.Entry, program: str) -> tuple[str, Listed] | None:
    words = entry.spec.split()
    if program and len(words) > 1 and words[0] == program:
        words = words[1:]
    if not words or (not entry.gap and len(words) > 4):
        return None
    names: list[str] = []
    aliased = re.fullmatch(r"\S+ \((\S{1,40})\)", entry.spec)
    for word in words:
        for part in re.split(r"[,|]", word.rstrip(",:")):
            if _NAME.fullmatch(part):
                names.append(part)
        if not word.endswith(","):
            break
    if aliased and _NAME.fullmatch(aliased[1]):
        names.append(aliased[1])
    if not names:
        return None
    about = entry.help
    return names[0], Listed(about, [name for name in dict.fromkeys(names) if name != names[0]])
