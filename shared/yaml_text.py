"""YAML that strangers write, read as plain data: bounded, without aliases or tags, every value as it was typed.

A plain value stays text (`3.10` is not 3.1, `off` is not false); only `null`, `~` and nothing are None.
"""

from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml import events

Path = tuple[str | int, ...]
Data = str | None | list["Data"] | dict[str, "Data"]

MOST_BYTES = 64 * 1024
MOST_VALUES = 5000
DEEPEST = 16
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_SAID = (
    ("'\\t'", "Indent with spaces; a tab cannot begin a value here"),
    (
        "mapping values are not allowed",
        "A value that holds a colon and a space needs quotes around it",
    ),
    ("expected <block end>", "The indentation does not fit the lines above"),
    ("could not find expected ':'", "A name here has no colon and value after it"),
    ("while scanning a quoted scalar", "A quote is opened and never closed"),
    ("expected ',' or", "A list in brackets is not closed, or a comma is missing"),
)


@dataclass(frozen=True)
class Mark:
    """Where something stands in the text; both count from 1."""

    line: int
    column: int


class BadYaml(ValueError):
    """The text cannot be read; the message is a sentence without its place."""

    def __init__(self, mark: Mark, sentence: str) -> None:
        super().__init__(sentence)
        self.mark = mark


@dataclass
class _Open:
    """A list or mapping that is being read."""

    path: Path
    value: list[Data] | dict[str, Data]
    key: str | None = None


@dataclass
class Read:
    """The data, and where each value (and, for mappings, its name) begins."""

    data: Data = None
    marks: dict[Path, Mark] = field(default_factory=dict)


def read(text: str) -> Read:
    """The one document of the text; raises `BadYaml`."""
    if len(text.encode(errors="replace")) > MOST_BYTES:
        raise BadYaml(Mark(1, 1), f"The text is larger than {MOST_BYTES // 1024} KiB; shorten it.")
    try:
        return _Reader().read(text)
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        here = Mark(before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise BadYaml(here, "A character here is not allowed in YAML; remove it.") from error
    except yaml.MarkedYAMLError as error:
        opened = "quoted scalar" in (error.context or "")  # not where the text ends without it
        where = error.context_mark if opened else error.problem_mark
        raise BadYaml(_mark(where or error.context_mark), _sentence(error)) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        if isinstance(error, BadYaml):
            raise
        raise BadYaml(Mark(1, 1), f"This is no YAML: {error}.") from error


class _Reader:
    def __init__(self) -> None:
        self._found = Read()
        self._open: list[_Open] = []
        self._values = 0
        self._documents = 0

    def read(self, text: str) -> Read:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            self._take(event)
        return self._found

    def _take(self, event: yaml.Event) -> None:
        mark = _mark(event.start_mark)
        if isinstance(event, events.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise BadYaml(mark, "A second document begins here; leave the line --- out.")
        elif isinstance(event, events.AliasEvent):
            raise BadYaml(mark, f"*{event.anchor} is an alias, which is not read; write it out.")
        elif isinstance(event, events.NodeEvent):
            self._node(event, mark)
        elif isinstance(event, events.SequenceEndEvent | events.MappingEndEvent):
            self._open.pop()

    def _node(self, event: events.NodeEvent, mark: Mark) -> None:
        if event.anchor is not None:
            raise BadYaml(mark, f"&{event.anchor} is an anchor, which is not read; leave it out.")
        if (tag := getattr(event, "tag", None)) is not None:
            raise BadYaml(mark, f"The tag {tag} is not read; leave it out.")
        self._values += 1
        if self._values > MOST_VALUES:
            raise BadYaml(mark, f"There are more than {MOST_VALUES} values; shorten the text.")
        top = self._open[-1] if self._open else None
        if isinstance(top, _Open) and isinstance(top.value, dict) and top.key is None:
            self._name(event, top, mark)
            return
        path = self._place(mark)
        if isinstance(event, events.ScalarEvent):
            plain = event.style is None
            self._put(None if plain and event.value in _NOTHING else str(event.value))
            return
        if len(self._open) >= DEEPEST:
            raise BadYaml(mark, f"Values are nested deeper than {DEEPEST} levels; flatten them.")
        value: list[Data] | dict[str, Data]
        value = [] if isinstance(event, events.SequenceStartEvent) else {}
        self._put(value)
        self._open.append(_Open(path, value))

    def _name(self, event: events.NodeEvent, top: _Open, mark: Mark) -> None:
        if not isinstance(event, events.ScalarEvent):
            raise BadYaml(mark, "A name is a single word here, not a list or mapping.")
        if event.value in top.value:
            raise BadYaml(mark, f"{event.value} stands twice; leave one of them out.")
        top.key = str(event.value)
        self._found.marks[(*top.path, top.key)] = mark

    def _place(self, mark: Mark) -> Path:
        """Where the value that comes now belongs; a value in a mapping is where its name stands."""
        top = self._open[-1] if self._open else None
        if top is None:
            path: Path = ()
        elif isinstance(top.value, list):
            path = (*top.path, len(top.value))
        else:
            path = (*top.path, str(top.key))
        self._found.marks.setdefault(path, mark)
        return path

    def _put(self, value: Data) -> None:
        top = self._open[-1] if self._open else None
        if top is None:
            self._found.data = value
        elif isinstance(top.value, list):
            top.value.append(value)
        else:
            top.value[str(top.key)] = value
            top.key = None


def _mark(mark: Any) -> Mark:
    return Mark(1, 1) if mark is None else Mark(mark.line + 1, mark.column + 1)


def _sentence(error: yaml.MarkedYAMLError) -> str:
    said = f"{error.context or ''} {error.problem or ''}"
    for pattern, sentence in _SAID:
        if pattern in said:
            return sentence + "."
    return f"This is no YAML: {said.strip()}. Check indentation and quotes."
