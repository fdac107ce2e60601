"""The parts of a help text: usage, what it is about, and its titled sections."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_USAGE = re.compile(r"\s*(?:usage|synopsis|uso|utilisation|verwendung|aufruf)\b\s*:?\s*", re.I)
_USAGE_OF = re.compile(r"\s*usage of\s", re.I)
_INLINE = re.compile(r"((?:sub)?commands?|options?|flags)\s?:\s+(?=\S)", re.I)
_OPTION = re.compile(r"\s*-{1,2}[\w?#@\[]")
_CAPITALS = re.compile(r"[A-Z][A-Z0-9 /&()-]{2,50}")
_OPENING = re.compile(
    r"[\w./-]+(?: [a-z][\w-]*){0,2} (?:\[(?!version)[^\]]{1,60}\]|<[^>]{1,60}>)", re.I
)
_LONGEST_TITLE = 90
_LONGEST_USAGE = 600


@dataclass
class Section:
    """Lines below a title; the first one has no title."""

    title: str
    lines: list[str] = field(default_factory=list)


@dataclass
class Parts:
    """What a help text is made of."""

    usage: list[str]
    about: str
    sections: list[Section]


def parts(lines: Sequence[str]) -> Parts:
    """Usage, about and sections of these lines."""
    usage: list[str] = []
    before: list[str] = []
    sections = [Section("")]
    entries_at: int | None = None
    n = 0
    if lines:
        n = next((i for i, line in enumerate(lines) if line.strip()), 0)
        if _is_opening(lines[n:]):
            usage, n = [lines[n].strip()], n + 1
    while n < len(lines):
        line = lines[n]
        if not usage and _is_usage(line, entries_at):
            usage, n = _usage(lines, n)
            continue
        heading = _title(lines, n, entries_at)
        if heading is not None:
            title, rest = heading
            sections.append(Section(title, [rest] if rest else []))
            entries_at = indent(rest) if rest else None
        else:
            if _OPTION.match(line) and (entries_at is None or indent(line) < entries_at):
                entries_at = indent(line)
            sections[-1].lines.append(line)
            if not usage and len(sections) == 1:
                before.append(line)
        n += 1
    return Parts(usage, _about(sections[0].lines), sections)


def indent(line: str) -> int:
    """Blanks before the first character."""
    return len(line) - len(line.lstrip(" "))


def _is_opening(lines: Sequence[str]) -> bool:
    """The very first line is a usage without the word, as yargs prints it."""
    first = lines[0].strip() if lines else ""
    return (
        bool(_OPENING.match(first[:400]))
        and not _USAGE.match(first)
        and not first.startswith("-")
        and not first.endswith((".", ":"))
    )


def _is_usage(line: str, entries_at: int | None) -> bool:
    found = _USAGE.match(line)
    if not found or _USAGE_OF.match(line) or (entries_at is not None and indent(line) > entries_at):
        return False
    return ":" in found[0] or line.strip().isupper() or found.end() == len(line)


def _usage(lines: Sequence[str], n: int) -> tuple[list[str], int]:
    """The lines of the usage, the first without its word; and where it ends."""
    first = lines[n]
    found = _USAGE.match(first)
    head = first[found.end() :] if found else first
    at = indent(first)
    kept = [head.strip()] if head.strip() else []
    n += 1
    if not kept:  # the usage stands below, indented, with or without a blank line between
        while n < len(lines) and not lines[n].strip():
            n += 1
        floor = indent(lines[n]) if n < len(lines) else 0
        if floor <= at and n < len(lines) and lines[n].strip().endswith(":"):
            return kept, n
    while n < len(lines) and len(kept) < _LONGEST_USAGE:
        line = lines[n]
        if not line.strip() or (kept and indent(line) <= at and not _goes_on(kept, line)):
            break
        if kept and _title(lines, n, None) and indent(line) <= at + 2:
            break
        if kept and not _open(kept) and (_is_entry(line) or _is_prose(line)):
            break
        kept.append(line.rstrip())
        n += 1
    return kept, n


def _is_entry(line: str) -> bool:
    return bool(_OPTION.match(line)) and (indent(line) < 7 or "  " in line.strip())


def _is_prose(line: str) -> bool:
    return (
        not re.search(r"^\s*or:|[\[<{]|\.\.\.|\s-", line)
        and len(re.findall(r"\b[a-z]+\b", line)) > 2
    )


def _open(kept: Sequence[str]) -> bool:
    text = " ".join(kept)
    return text.count("[") > text.count("]") or text.count("<") > text.count(">")


def _goes_on(kept: Sequence[str], line: str) -> bool:
    """Whether an unindented line still belongs to the usage: a bracket is open, or it repeats the program."""
    program = kept[0].split(" ", 1)[0]
    return _open(kept) or (len(kept) > 0 and line.startswith(program + " "))


def _title(lines: Sequence[str], n: int, entries_at: int | None) -> tuple[str, str] | None:
    """The title that this line is, and an entry that begins on the same line; None for other lines."""
    line = lines[n]
    text = line.strip()
    if not text or len(text) > _LONGEST_TITLE + 200 or text.startswith("-"):
        return None
    at = indent(line)
    if entries_at is not None and at >= max(entries_at, 1) and entries_at > 0:
        return None
    inline = _INLINE.match(text)
    if inline and at <= 2 and _GAPPED.search(text[inline.end() :]):
        rest = " " * (at + inline.end()) + text[inline.end() :]
        return inline[1], rest
    if len(text) > _LONGEST_TITLE:
        return None
    following = next((other for other in lines[n + 1 : n + 4] if other.strip()), "")
    if not following:
        return None
    deeper = indent(following) > at
    option = bool(_OPTION.match(following))
    if option and at == 0 and _names_a_list(text):
        return text.rstrip(": "), ""
    if text.endswith(":") and (deeper or option or _names_a_list(text)):
        return text.rstrip(": "), ""
    if at == 0 and deeper and _CAPITALS.fullmatch(text):
        return text.capitalize(), ""
    blank_before = n == 0 or not lines[n - 1].strip()
    direct = n + 1 < len(lines) and bool(_OPTION.match(lines[n + 1]))
    if at == 0 and blank_before and deeper and direct and len(text) < 60 and text[-1] not in ".,;":
        return text, ""
    if at == 0 and blank_before and deeper and _names_a_list(text) and len(text) < 40:
        return text, ""
    return None


_GAPPED = re.compile(r"\S\s{2,}\S")


def _names_a_list(text: str) -> bool:
    return bool(
        re.match(
            r"(?:\w+ ){0,3}(?:options|flags|arguments|args|positionals|commands|subcommands)\b:?$",
            text,
            re.I,
        )
    )


def _about(lines: Sequence[str]) -> str:
    """The first paragraph that is no option."""
    kept: list[str] = []
    for line in lines:
        text = line.strip()
        if kept and not text:
            break
        if _OPTION.match(line):
            break
        if text:
            kept.append(text)
    return " ".join(kept)
