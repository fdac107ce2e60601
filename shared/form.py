"""A tool's arguments as fields: made from its help text or written in `toolyard.yaml`, shown by web."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator
from pydantic import Field as Limited

Kind = Literal["flag", "option", "positional"]
Type = Literal["flag", "count", "text", "integer", "number", "path", "choice"]
Style = Literal["word", "equals", "attached"]

MOST_FIELDS = 600
MOST_SUBCOMMANDS = 120
MOST_CHOICES = 300
LONGEST_HELP = 1000
LEVELS = 2
"""Subcommands of subcommands; deeper ones are typed."""

_Name = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\s=]\S*$")]
_Word = Annotated[str, StringConstraints(max_length=400)]
_Help = Annotated[str, StringConstraints(max_length=LONGEST_HELP)]


class Field(BaseModel):
    """One option or positional argument of a command."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    """`flag`: stands or does not; `option`: takes values; `positional`: has its place instead of a name."""
    names: tuple[_Name, ...] = Limited(min_length=1, max_length=12)
    """All spellings (`-o`, `--output`); a positional has one, which is shown and never typed."""
    off: _Name | None = None
    """The spelling that turns a flag off (`--no-color`), where there is one."""
    metavar: _Word = ""
    type: Type = "text"
    """`count`: a flag that counts its repeats; `path`: names a file or folder."""
    choices: tuple[_Word, ...] = Limited(default=(), max_length=MOST_CHOICES)
    default: _Word | None = None
    """What the tool takes where nothing is given, as its help says it."""
    required: bool = False
    repeatable: bool = False
    """An option that may stand several times."""
    least: int = Limited(default=1, ge=0, le=100)
    most: int | None = Limited(default=1, ge=0, le=100)
    """Values it takes at each place, from `least` to `most` (None: any number); flags take none."""
    style: Style = "word"
    """How a value is written: `--x V`, `--x=V` or `-xV`."""
    help: _Help = ""
    group: _Word = ""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        named = self.kind != "positional"
        if any(name.startswith("-") != named for name in (*self.names, *filter(None, [self.off]))):
            raise ValueError("options and flags begin with '-', positional names do not")
        if not named and len(self.names) > 1:
            raise ValueError("a positional has one name")
        if (self.kind == "flag") != (self.type in ("flag", "count")):
            raise ValueError("a flag is of type flag or count, and nothing else is")
        if self.kind == "flag" and (self.most != 0 or self.least != 0):
            raise ValueError("a flag takes no values: least and most are 0")
        if self.most is not None and self.most < max(self.least, self.kind != "flag"):
            raise ValueError("most is below least")
        if self.off is not None and (self.kind != "flag" or self.off in self.names):
            raise ValueError("only a flag can be turned off, by a name of its own")
        if (self.type == "choice") != bool(self.choices):
            raise ValueError("choices belong to a field of type choice, and to no other")
        if self.kind == "positional" and self.repeatable:
            raise ValueError("a positional that takes many values has most: null")
        return self


class Form(BaseModel):
    """The fields of one command and, two levels deep, of its subcommands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Literal["help", "toolyard.yaml"] = "help"
    usage: str = Limited(default="", max_length=4000)
    about: _Help = ""
    fields: tuple[Field, ...] = Limited(default=(), max_length=MOST_FIELDS)
    groups: tuple[_Word, ...] = Limited(default=(), max_length=MOST_FIELDS)
    """In the order in which they are shown; fields without a group come first."""
    subcommands: dict[_Name, "Form"] = Limited(default={}, max_length=MOST_SUBCOMMANDS)
    aliases: dict[_Name, _Name] = Limited(default={}, max_length=MOST_SUBCOMMANDS * 4)
    """Other names of subcommands."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        seen: set[str] = set()
        for field in self.fields:
            for name in (*field.names, *filter(None, [field.off])):
                if name in seen:
                    raise ValueError(f"{name} stands twice")
                seen.add(name)
            if field.group and field.group not in self.groups:
                raise ValueError(f"the group {field.group!r} is not among the groups")
        if any(name.startswith("-") for name in (*self.subcommands, *self.aliases)):
            raise ValueError("a subcommand's name does not begin with '-'")
        if any(meant not in self.subcommands for meant in self.aliases.values()):
            raise ValueError("an alias names no subcommand")
        if self.depth > LEVELS:
            raise ValueError(f"subcommands go {LEVELS} levels deep, not deeper")
        return self

    @property
    def depth(self) -> int:
        """Levels of subcommands below this one."""
        return max((1 + one.depth for one in self.subcommands.values()), default=0)
