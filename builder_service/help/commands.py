"""The subcommands that a help text lists."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from builder_service.help import entries
from builder_service.help.sections import Section, indent
from builder_service.help.usage import Usage

_TITLE = re.compile(r"\b(?:sub-?)?commands?\b", re.I)
_NOT = re.compile(r"\b(?:options?|flags?|arguments?|examples?|line|usage|more|help)\b", re.I)
_NAME = re.compile(r"[A-Za-z0-9][\w.:+-]{0,60}")
_BRACES = re.compile(r"\s*\{[\w.:+,\s|-]{1,3000}\}(?:\s*\.\.\.)?\s*")
_ALIASED = re.compile(r"\S+ \(([\w.:+-]{1,40}(?:, ?[\w.:+-]{1,40}){0,8})\)")
_ARGUMENTS = re.compile(r"arguments|positionals|parameters|operands|environment|topics|codes", re.I)
_IGNORED = {"help", "completion", "completions"}
_STEP = 4
"""argparse sets subcommands two blanks deeper than their head; help stands further right."""
_MOST_TRIED = 8


@dataclass
class Listed:
    """One subcommand of the list."""

    about: str = ""
    aliases: list[str] = field(default_factory=list)


@dataclass
class Found:
    """Subcommands in the order of the text, and the word of the usage that stands for one."""

    listed: dict[str, Listed] = field(default_factory=dict)
    head: str | None = None


def find(parts: Sequence[Section], used: Usage, program: str) -> Found:
    """What the sections list, or else the usage itself."""
    found = Found()
    for section in parts:
        head, lines = _below_head(section, used)
        if head is not None:
            found.head = head
        elif used.commands and any(_BRACES.fullmatch(line) for line in section.lines):
            continue  # listed there, and described nowhere
        elif (_TITLE.search(section.title) and not _NOT.search(section.title)) or (
            used.subcommand and _only_names(section)
        ):
            lines = section.lines
        for entry in entries.named(lines):
            listed = _listed(entry, program)
            if listed is not None and listed[0] not in _IGNORED:
                found.listed.setdefault(listed[0], listed[1])
    if not found.listed:
        found.listed = {name: Listed() for name in used.commands if _NAME.fullmatch(name)}
    return found


def _below_head(section: Section, used: Usage) -> tuple[str | None, Sequence[str]]:
    """argparse's head, a line `{add,remove}` or its metavar, and the entries that stand deeper."""
    tried = 0
    listed = bool(used.heads and section.title and not entries.options(section.lines))
    for n, line in enumerate(section.lines):
        at = indent(line)
        word = entries.split(line.strip())[0].strip("<>")
        braces = at and _BRACES.fullmatch(word)
        below = section.lines[n + 1] if n + 1 < len(section.lines) else ""
        nameless = listed and (not line or at > _STEP) and indent(below) == _STEP
        if nameless:
            at, word = _STEP // 2, ""
        elif not (braces or (at and word in used.heads)):
            continue
        tried += 1
        if tried > _MOST_TRIED:
            break
        kept: list[str] = []
        for other in section.lines[n + 1 :]:
            if other.strip() and indent(other) <= at:
                break
            kept.append(other)
        deep = min((indent(other) for other in kept if other.strip()), default=0)
        first = next((i for i, other in enumerate(kept) if indent(other) == deep), 0)
        if not (nameless or braces) and "" in kept[:first]:
            continue  # they belong to an empty head below that blank line
        kept = kept[first:]
        found = entries.named(kept) if deep <= at + _STEP else []
        if found and all(_is_name(entry) for entry in found):
            return ("" if braces else word), kept
    return None, ()


def _only_names(section: Section) -> bool:
    """A group of subcommands under a title of its own, as typer's panels make them."""
    found = entries.named(section.lines)
    return (
        bool(section.title and found)
        and not (_ARGUMENTS.search(section.title) or _NOT.search(section.title))
        and not entries.options(section.lines)
        and all(_is_name(entry) and entry.spec[0].islower() and entry.gap for entry in found)
    )


def _is_name(entry: entries.Entry) -> bool:
    return bool(_NAME.fullmatch(entry.spec) or _ALIASED.fullmatch(entry.spec))


def _listed(entry: entries.Entry, program: str) -> tuple[str, Listed] | None:
    words = entry.spec.split()
    if program and len(words) > 1 and words[0] == program:
        words = words[1:]
    if not words or (not entry.gap and len(words) > 4):
        return None
    names: list[str] = []
    aliased = _ALIASED.fullmatch(entry.spec)
    for word in words:
        for part in re.split(r"[,|]", word.rstrip(",:")):
            if _NAME.fullmatch(part):
                names.append(part)
        if not word.endswith(","):
            break
    if aliased:
        names += [name for name in re.split(", ?", aliased[1]) if _NAME.fullmatch(name)]
    if not names:
        return None
    about = entry.help
    return names[0], Listed(about, [name for name in dict.fromkeys(names) if name != names[0]])
