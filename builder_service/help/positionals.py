"""Positional arguments: their order and number from the usage, what they mean from the sections."""

import re
from collections.abc import Sequence
from dataclasses import replace

from builder_service.help import commands, entries, kinds, remarks, spec, usage
from builder_service.help.sections import Section
from shared.form import LONGEST_HELP, MOST_CHOICES, Field

_TITLE = re.compile(
    r"(?:\w+ ){0,2}(?:positional(?:s| arguments?| parameters?)?|arguments?|args|operands|parameters|where)",
    re.I,
)
_MOST = 40
_DEEPEST = 60


def find(parts: Sequence[Section], used: usage.Usage, subcommands: commands.Found) -> list[Field]:
    """The fields, in the order in which they are typed."""
    described = _described(parts)
    has_subcommands = bool(subcommands.listed)
    if subcommands.head is not None:
        structure = {_key(name) for name in (subcommands.head, *subcommands.listed)}
        described = {
            name: entry
            for name, entry in described.items()
            if name not in structure and entry.at <= entries.DEEPER
        }
    places = [
        place
        for place in used.places
        if place.name != subcommands.head and not _is_structure(place, described, has_subcommands)
    ]
    rest = [name for name in described if name not in {_key(place.name) for place in places}]
    if rest and not has_subcommands and used.heads and rest == list(described)[-1:]:
        places = [*_without_dots(places, used), usage.Place(rest[0], 0, None)]
    if not places:
        places = [
            usage.Place(name, *_count(entry.spec))
            for name, entry in described.items()
            if not (has_subcommands and usage.is_subcommand(name))
        ]
    if subcommands.head == "":
        places = _without_dots(places, used)
    fields: list[Field] = []
    taken: set[str] = set()
    for place in places[:_MOST]:
        name = re.sub(r"[\s=]+", "-", place.name).lstrip("-")
        while name in taken:
            name += "2"
        if not name:
            continue
        taken.add(name)
        fields.append(_field(name, place, described.get(_key(place.name))))
    return fields


def _without_dots(places: Sequence[usage.Place], used: usage.Usage) -> list[usage.Place]:
    """Where the dots after the last one were something else."""
    return [replace(place, most=1) if place.name in used.heads else place for place in places]


def _is_structure(
    place: usage.Place, described: dict[str, entries.Entry], has_subcommands: bool
) -> bool:
    """A subcommand's own place, and the dots after it."""
    if _key(place.name) in described:
        return has_subcommands and usage.is_subcommand(place.name)
    return has_subcommands and (
        usage.is_subcommand(place.name) or usage.is_rest(place.name) or not place.least
    )


def _key(name: str) -> str:
    return re.sub(r"[^\w]+", "", name).lower()


def _described(parts: Sequence[Section]) -> dict[str, entries.Entry]:
    found: dict[str, entries.Entry] = {}
    for section in parts:
        if not _TITLE.fullmatch(section.title.strip()) and not (
            section.title and _has_brackets(section.lines)
        ):
            continue
        deepest = min((entry.at for entry in entries.options(section.lines)), default=_DEEPEST)
        for entry in entries.named(section.lines):
            if entry.at >= deepest + entries.DEEPER:
                break  # the help of an option
            words = entry.spec.split()
            if not words or entry.spec.startswith("{") or (len(words) > 3 and not entry.gap):
                continue
            if not _TITLE.fullmatch(section.title.strip()) and entry.spec[0] not in "<[":
                continue
            if not entry.gap and len(words) > 1 and entry.spec[0] == "<":  # docopt: one blank only
                entry.lines.insert(0, entry.spec.split(">", 1)[1].strip())
                entry.spec = entry.spec.split(">", 1)[0] + ">"
            first = entry.spec.split("...")[0].split(" ", 1)[0]
            found.setdefault(_key(first.split("|")[0]), entry)
            found.setdefault(_key(first), entry)
    return found


def _has_brackets(lines: Sequence[str]) -> bool:
    return any(re.match(r"\s{1,8}<[\w |-]{1,40}>", line) for line in lines)


def _count(text: str) -> tuple[int, int | None]:
    least = 0 if text.startswith("[") else 1
    return least, None if "..." in text or "…" in text else 1


def _field(name: str, place: usage.Place, entry: entries.Entry | None) -> Field:
    said = remarks.read(entry.lines if entry else [])
    choices = (place.choices or said.choices)[:MOST_CHOICES]
    metavar = ""
    if entry and " " in entry.spec and entry.spec[0] not in "<[{":
        metavar = entry.spec.split(" ", 1)[1]
        _, _, listed = spec.arity(metavar)
        choices = choices or listed
    least, most = place.least, place.most
    if entry and re.match(r"\[?<?[\w-]+>?\]?(?:\.\.\.|…)", entry.spec) and entry.spec[0] in "[<":
        shown, most = _count(entry.spec)
        least = min(least, shown)
    least = max(least, 1) if said.required else least
    default = None if said.default in (None, "None") else said.default
    if default is not None:
        least = 0
    return Field(
        kind="positional",
        names=(name[:120],),
        metavar=metavar[:400],
        type="choice" if choices else kinds.value_kind(metavar if _types(metavar) else name, (name,), default, positional=True),
        choices=tuple(choice[:400] for choice in choices),
        default=default,
        required=least > 0,
        least=least,
        most=most if most is None else max(most, least, 1),
        help=(entry.help if entry else "")[:LONGEST_HELP],
    )  # fmt: skip


def _types(metavar: str) -> bool:
    return metavar.strip("<>[]").upper() in (
        "INTEGER",
        "FLOAT",
        "PATH",
        "FILE",
        "FILENAME",
        "DIRECTORY",
        "INT",
    )
