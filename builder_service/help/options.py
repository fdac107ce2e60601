"""Options of all sections as fields: no name stands twice, whatever the text repeats."""

import re
from collections.abc import Iterable, Sequence

from builder_service.help import kinds, remarks, spec, usage
from builder_service.help.entries import Entry
from shared.form import LONGEST_HELP, MOST_CHOICES, MOST_FIELDS, Field

_PLAIN_TITLE = re.compile(
    r"(?:(?:optional|positional|named|available|command[- ]line|supported|valid|keyword)\s)*"
    r"(?:options?|flags|arguments|args|positionals|parameters|opts|switches|where|options are)(?: \w+ are)?", re.I,
)  # fmt: skip
_NAME = re.compile(r"-{1,2}[^\s=-][^\s=]*")
_MOST_NAMES = 12
_NOTHING = (None, "", "None", "none", "nil", "null", "undefined", "[]", "{}", "NULL")
_MOST_USED = MOST_FIELDS - 50


class Collected:
    """The options found so far."""

    def __init__(self, *, yargs: bool) -> None:
        self._yargs = yargs
        self._fields: dict[str, Field] = {}
        self._taken: dict[str, str] = {}

    def fields(self) -> list[Field]:
        """In the order of the text."""
        return list(self._fields.values())

    def arities(self) -> usage.Arities:
        """By name, how many values follow."""
        return {
            name: (field.least, field.most)
            for field in self._fields.values()
            for name in field.names
        }  # fmt: skip

    def add(self, title: str, found: Iterable[Entry]) -> None:
        """The entries of a section."""
        group = "" if _PLAIN_TITLE.fullmatch(title.split("(")[0].strip()) else _group(title)
        for entry in found:
            read = spec.read(entry.spec, gap=entry.gap)
            lines = [read.rest, *entry.lines] if read.rest else entry.lines
            self._put(read, lines, group)

    def add_from_usage(self, written: Sequence[str]) -> None:
        """Options that only the usage shows."""
        listed = bool(self._fields)
        for text in written:
            name = text.split()[0]
            cluster = re.fullmatch(r"-([A-Za-z0-9]{2,})", name)
            if cluster and not listed and " " not in text and not name[1:].islower():
                for letter in dict.fromkeys(cluster[1]):
                    self._put(spec.Spec(names=[f"-{letter}"]), [], "")
            elif not cluster or " " in text:
                read = spec.read(text, gap=False)
                known = next((self._taken[n] for n in read.names if n in self._taken), None)
                if known is None:
                    self._put(read, [], "")
                else:
                    self._also(known, read.names)

    def require(self, names: Iterable[str]) -> None:
        """Options that the usage shows without brackets."""
        for name in names:
            key = self._taken.get(name)
            if key is not None and self._fields[key].kind == "option":
                self._fields[key] = self._fields[key].model_copy(update={"required": True})

    def _put(self, read: spec.Spec, lines: Sequence[str], group: str) -> None:
        if len(self._fields) >= _MOST_USED:
            return
        said = remarks.read(lines)
        field = _field(read, said, lines, group, yargs=self._yargs)
        if field is None:
            return
        names = tuple(name for name in field.names if name not in self._taken)
        if not names:
            self._merge(field)
            return
        off = None if field.off in self._taken or field.off in names else field.off
        field = field.model_copy(update={"names": names, "off": off})
        self._fields[names[0]] = field
        for name in (*names, *([off] if off else [])):
            self._taken[name] = names[0]

    def _also(self, key: str, names: Sequence[str]) -> None:
        """More spellings of a known option."""
        known = self._fields[key]
        more = tuple(name for name in names if name not in self._taken and _usable(name))
        if more and len(known.names) + len(more) <= _MOST_NAMES:
            self._fields[key] = known.model_copy(update={"names": (*known.names, *more)})
            self._taken.update(dict.fromkeys(more, key))

    def _merge(self, again: Field) -> None:
        """The same names once more: what was not known of them before."""
        key = self._taken[again.names[0]]
        known = self._fields[key]
        if not known.help and again.help:
            self._fields[key] = known.model_copy(update={"help": again.help})


def _group(title: str) -> str:
    title = " ".join(title.split())
    return (title.capitalize() if title.isupper() and len(title) > 4 else title)[:100]


def _field(
    read: spec.Spec, said: remarks.Remarks, lines: Sequence[str], group: str, *, yargs: bool
) -> Field | None:
    names = [name for name in dict.fromkeys(read.names) if _usable(name)][:_MOST_NAMES]
    if not names:
        return None
    help_ = _help(lines)[:LONGEST_HELP]
    common = {"names": tuple(names), "help": help_, "group": group}
    least, most, metavar = read.least, read.most, read.metavar
    choices = (read.choices or said.choices)[:MOST_CHOICES]
    typed = said.tags & {"string", "number", "array", "integer"}
    if most == 0 and (typed or (choices and "boolean" not in said.tags and not read.off)):
        least, most = 1, None if "array" in said.tags else 1
    elif most == 0 and yargs and "boolean" not in said.tags and "count" not in said.tags:
        least, most = (
            (1, 1) if said.required or said.default not in (None, "true", "false") else (0, 1)
        )
    if metavar in ("count", "bool") and "pflag" not in said.tags and most == 1:
        if metavar == "bool":
            least, most = 0, 0
        elif said.counted or "verbose" in names[-1]:
            least, most, read.repeats = 0, 0, True
    if most == 0:
        counts = read.repeats or said.counted
        off = next((name for name in [*read.off, said.off] if name and _usable(name) and name not in names), None)  # fmt: skip
        return Field(
            kind="flag",
            type="count" if counts else "flag",
            off=off,
            least=0,
            most=0,
            default="true"
            if said.default in ("true", "True", *(n.lstrip("-") for n in names))
            else None,
            **common,  # type: ignore[arg-type]
        )
    metavar = _pflag_default(metavar)
    default = None if said.default in _NOTHING else said.default
    choices = list(dict.fromkeys(choice[:400] for choice in choices if choice))
    if choices and default is not None and default not in choices:
        default = next((one for one in choices if one.lower() == default.lower()), default)
    kind = (
        "choice"
        if choices
        else kinds.value_kind(metavar, tuple(names), default, positional=False, help_=help_)
    )
    if "number" in said.tags and not choices:
        kind = "number"
    return Field(
        kind="option",
        type=kind,
        metavar=metavar[:400],
        choices=tuple(choices),
        default=default[:400] if default is not None else None,
        required=said.required,
        repeatable=said.repeated or read.repeats or metavar in ("strings", "stringArray", "stringSlice"),
        least=min(least, 100),
        most=None if most is None else max(1, min(most, 100), least),
        style="equals" if least == 0 and read.style == "word" and '="' in read.metavar else read.style,
        **common,  # type: ignore[arg-type]
    )  # fmt: skip


def _usable(name: str) -> bool:
    return len(name) <= 120 and bool(_NAME.fullmatch(name))


def _pflag_default(metavar: str) -> str:
    return re.sub(r'"[^"]*"$', "", metavar).strip()


def _help(lines: Sequence[str]) -> str:
    """The help as one text, without the tags that the field itself shows."""
    text = " ".join(line.strip() for line in lines if line.strip())
    text = re.sub(r"\s*\[(?:boolean|string|number|array|count|required)\]", "", text)
    return " ".join(text.split())
