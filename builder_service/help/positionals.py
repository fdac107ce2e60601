"""Positional arguments: their order and number from the usage, what they mean from the sections."""

import re
from collections.abc import Sequence

from builder_service.help import entries, kinds, remarks, spec, usage
from builder_service.help.sections import Section
from shared.form import LONGEST_HELP, MOST_CHOICES, Field

_TITLE = re.compile(
    r"(?:\w+ ){0,2}(?:positional(?:s| arguments?| parameters?)?|arguments?|args|operands|parameters|where)",
    re.I,
)
_MOST = 40


def find(parts: Sequence[Section], used: usage.Usage, *, has_subcommands: bool) -> list[Field]:
    """The fields, in the order in which they are typed."""
    described = _described(parts)
    places = [
        place for place in used.places if not _is_structure(place, described, has_subcommands)
    ]
    if not places:
        places = [
            usage.Place(name, *_count(entry.spec))
            for name, entry in described.items()
            if not (has_subcommands and usage.is_subcommand(name))
        ]
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
        for entry in entries.named(section.lines):
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
