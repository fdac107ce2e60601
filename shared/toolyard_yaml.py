"""`toolyard.yaml`: what an author or owner wants otherwise than detection found it; docs/toolyard-yaml.md."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
)

from shared import yaml_text
from shared.plan import Network
from shared.yaml_form import FormGiven, Given
from shared.yaml_text import BadYaml, Mark, Path, Read

NAME = "toolyard.yaml"
_MOST_FAULTS = 5


def _inside(path: str) -> str:
    parts = path.split("/")
    if path.startswith("/") or ".." in parts or not path.strip("./"):
        raise ValueError("must be a path below the repository's folder, like src/main.c")
    return path


def _reached(value: object) -> object:
    """`off`, `internet`, or hosts."""
    if value in ("off", "internet"):
        return {"mode": value}
    if isinstance(value, list) and value and all(isinstance(host, str) for host in value):
        return {"mode": "hosts", "hosts": value}
    raise ValueError("must be off, internet, or a list of hosts, like [api.example.org]")


def _named_hosts(network: Network) -> Network:
    for host in network.hosts:
        if not _HOST.fullmatch(host):
            raise ValueError(f"names {host[:100]!r}, which is no host like api.example.org")
    return network


_HOST = re.compile(r"(?=.{1,253}(?::|$))[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?(?::\d{1,5})?")
Line = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\n\r]+$")]
CommandName = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\s-][^\r\n]*$")
]
Words = Annotated[
    list[Annotated[str, StringConstraints(max_length=20_000)]], Field(min_length=1, max_length=200)
]
Package = Annotated[
    str, StringConstraints(max_length=100, pattern=r"^[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?$")
]
Variable = Annotated[str, StringConstraints(max_length=200, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Value = Annotated[str, StringConstraints(max_length=10_000)]
Inside = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_inside)]
Named = Annotated[str, StringConstraints(max_length=60, pattern=r"^[a-z0-9][a-z0-9.+-]*$")]


class StepGiven(Given):
    """A container of the build; it runs as the tool's user, in a copy of the repository's folder."""

    name: Line
    argv: Words
    files: list[Inside] | None = Field(default=None, max_length=500)
    """The files that it reads: its result is kept while they stay the same. Left out: all."""
    env: dict[Variable, Value] = Field(default={}, max_length=100)


class CommandGiven(Given):
    """A way into the tool; without `run`, the command of this name that detection found."""

    name: CommandName
    run: Words | None = None
    """What is executed; a first part `./` of a word stands for the repository's folder."""
    form: FormGiven | None = None


def _different(commands: list[CommandGiven]) -> list[CommandGiven]:
    names = [command.name for command in commands]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"names {name} twice; leave one of them out")
    return commands


Commands = Annotated[
    list[CommandGiven], Field(min_length=1, max_length=200), AfterValidator(_different)
]


class Wanted(Given):
    """Everything is optional: what is left out is found by detection, each time anew."""

    runtime: Named | None = None
    """Whose plan to begin with: a language's name, or `dockerfile` for the repository's own."""
    version: Named | None = None
    """The toolchain's version, where there is a base image of it."""
    base: Named | None = None
    system_packages: list[Package] | None = Field(default=None, max_length=200)
    env: dict[Variable, Value | None] | None = Field(default=None, max_length=100)
    """Added to what was found; null takes a variable away."""
    steps: list[StepGiven] | None = Field(default=None, max_length=50)
    commands: Commands | None = None
    network: Annotated[Network, BeforeValidator(_reached), AfterValidator(_named_hosts)] | None = (
        None
    )
    start: Literal["empty", "repository"] | None = None
    smoke: Words | None = None
    """A command line that must exit with 0 before the tool is ready."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, where, and what to do."""

    line: int
    column: int
    sentence: str

    def __str__(self) -> str:
        return f"{NAME} line {self.line}: {self.sentence}"


class BadToolyardYaml(ValueError):
    """The text cannot be used; the message names the first fault, `faults` are all."""

    def __init__(self, faults: list[Fault]) -> None:
        more = len(faults) - 1
        also = "" if not more else f" There {'is' if more == 1 else 'are'} {more} more."
        super().__init__(str(faults[0]) + also)
        self.faults = faults


@dataclass(frozen=True)
class Overrides:
    """What is wanted, and where each wish stands."""

    wanted: Wanted
    marks: dict[Path, Mark]

    def refused(self, path: Path, sentence: str) -> BadToolyardYaml:
        """To raise where a wish turns out to be impossible."""
        mark = _nearest(self.marks, path)
        return BadToolyardYaml([Fault(mark.line, mark.column, f"{_shown(path)} {sentence}")])


NONE = Overrides(Wanted(), {})


def read(text: str) -> Overrides:
    """The wishes in the text (none in an empty one); raises `BadToolyardYaml`."""
    try:
        found = yaml_text.read(text)
    except BadYaml as error:
        fault = Fault(error.mark.line, error.mark.column, str(error))
        raise BadToolyardYaml([fault]) from error
    if found.data is None:
        return NONE
    try:
        return Overrides(Wanted.model_validate(found.data), found.marks)
    except ValidationError as error:
        faults = {_fault(found, one): None for one in error.errors(include_url=False)}
        ordered = sorted(faults, key=lambda fault: (fault.line, fault.column))
        raise BadToolyardYaml(ordered[:_MOST_FAULTS]) from error


_HINTS = {
    "": "names with values, like system_packages: [libxml2-dev]",
    "argv": "a list of words, like [make]",
    "run": "a list of words, like [python3, ./tool.py]",
    "smoke": "a list of words, like [tool, --version]",
    "system_packages": "a list of Debian packages, like [libxml2-dev]",
    "steps": "a list of steps, like - name: build",
    "commands": "a list of commands, like - name: tool",
    "env": "names with values, like LANG: C.UTF-8",
    "step": "names with values, like name: build",
    "command": "names with values, like name: tool",
    "field": "names with values, like name: --output",
    "files": "a list of paths, like [Makefile, src/main.c]",
    "form": "names with values, like fields: [{name: --output, type: path}]",
    "fields": "a list of fields, like - name: --output",
    "names": "a list of spellings, like [-o, --output]",
    "choices": "a list of words, like [small, large]",
    "subcommands": "names with forms, like add: {fields: [{name: FILE}]}",
}
_PATTERNS = {
    "system_packages": "must be the name of a Debian package, like libxml2-dev",
    "env": "is no name of a variable, like LANG",
    "base": "must be the name of a base image, like python",
    "runtime": "must be the name of a language, like python",
    "version": "must be a version, like 3.12",
    "name": "must be one line that does not begin with - or a space",
}
_REFUSED = {
    "as_root": "is not possible: steps run as the tool's user. Debian packages go into system_packages",
    "image": "is not possible: tools stand on our own base images, see base",
    "dockerfile": "is not known; write runtime: dockerfile, or the name of a language to pass it over",
    "packages": "is not known; Debian packages go into system_packages",
    "command": "is not known; write commands: with the wanted one first",
    "entrypoint": "is not known; write commands: with the wanted one first",
}


def _fault(found: Read, error: Any) -> Fault:
    path: Path = tuple(part for part in error["loc"] if part != "[key]")
    known = path
    while known and known not in found.marks:  # pydantic's own parts, like a union's member
        known = known[:-1]
    mark = _nearest(found.marks, known)
    return Fault(mark.line, mark.column, _sentence(known, path, error, _value(found.data, known)))


def _sentence(known: Path, path: Path, error: Any, value: object) -> str:
    kind, told = error["type"], error.get("ctx") or {}
    last = next((part for part in reversed(known) if isinstance(part, str)), "")
    shown = _shown(known)
    if kind == "missing":
        needed = str(path[-1])
        like = _HINTS.get(needed, "")
        return f"{shown} needs {needed}" + (f", {like}." if like else ".")
    if kind == "extra_forbidden":
        why = _REFUSED.get(last, "is not known here; check its spelling or leave it out")
        return f"{shown} {why}."
    if kind == "value_error":
        said = str(told.get("error", error["msg"]))
        joined = " " if said.startswith(("must ", "is ", "names ")) else ": "
        return f"{shown}{joined if shown else ''}{said.rstrip('.')}."
    if kind == "literal_error":
        return f"{shown} must be {told['expected'].replace(chr(39), '')}."
    if kind == "string_pattern_mismatch":
        owner = last if last in _PATTERNS else str(known[0]) if known else ""
        return f"{shown} {_PATTERNS.get(owner, 'holds what is not allowed there')}."
    if kind == "too_short":
        return f"{shown} is empty; write {_HINTS.get(last, 'something')}, or leave it out."
    if kind in ("too_long", "string_too_long"):
        return f"{shown} has more than {told.get('max_length')} entries or characters; shorten it."
    if kind.startswith(("int_", "bool_", "greater_", "less_")):
        whole = kind.startswith(("int_", "greater_", "less_"))
        return f"{shown} must be {'a whole number from 0 to 100' if whole else 'true or false'}."
    if isinstance(value, list | dict) and kind == "string_type":
        return f"{shown} must be a single word or text."
    if kind == "string_type" or (kind == "string_too_short" and value is None):
        return f"{shown} is empty; give it a value or leave it out."
    if known and isinstance(known[-1], int):
        last = last.removesuffix("s")
    return f"{shown} must be {_HINTS.get(last, 'something else: ' + error['msg'])}.".lstrip()


def _value(data: object, path: Path) -> object:
    for part in path:
        try:
            data = data[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _nearest(marks: dict[Path, Mark], path: Path) -> Mark:
    while path and path not in marks:
        path = path[:-1]
    return marks.get(path, Mark(1, 1))


def _shown(path: Path) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "the text"


def schema() -> dict[str, Any]:
    """The JSON schema for editors; the same as docs/toolyard.schema.json."""
    found = Wanted.model_json_schema()
    found["properties"]["network"] = {
        "description": "Whom runs may reach.",
        "anyOf": [
            {"enum": ["off", "internet"]},
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
        ],
    }
    found["$defs"].pop("Network", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, "title": NAME}
