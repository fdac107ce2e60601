"""Form fields as people write them in `toolyard.yaml`, turned into the form that pages show."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator
from pydantic import Field as Limited

from shared import form
from shared.form import Form

Name = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\s=]\S*$")]
Word = Annotated[str, StringConstraints(max_length=400)]
Help = Annotated[str, StringConstraints(max_length=form.LONGEST_HELP)]


class Given(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FieldGiven(Given):
    """One argument: `name` (or `names`) is enough; one that begins with `-` is an option or flag."""

    name: Name | None = None
    names: list[Name] | None = Limited(default=None, min_length=1, max_length=12)
    """All spellings, like `[-o, --output]`."""
    type: form.Type | None = None
    """Left out: `choice` where there are choices, `flag` for an option of which nothing else says
    that it takes a value, else `text`."""
    choices: list[Word] = Limited(default=[], max_length=form.MOST_CHOICES)
    default: Word | None = None
    required: bool = False
    many: bool = False
    """An option that may stand several times, a positional that takes several values."""
    least: int | None = Limited(default=None, ge=0, le=100)
    most: int | None = Limited(default=None, ge=0, le=100)
    """How many values it takes at each place; one where left out."""
    style: form.Style = "word"
    """How a value is written: `--x V`, `--x=V` (equals) or `-xV` (attached)."""
    off: Name | None = None
    """The spelling that turns a flag off."""
    metavar: Word = ""
    help: Help = ""
    group: Word = ""

    @model_validator(mode="after")
    def _is_a_field(self) -> Self:
        self.field()
        return self

    def field(self) -> form.Field:
        """As the form has it; raises `ValueError`."""
        names = [*([self.name] if self.name else []), *(self.names or [])]
        if not names:
            raise ValueError("a field needs a name, like --output or FILE")
        named = names[0].startswith("-")
        kind = self.type or self._kind_of_value(named)
        flag = kind in ("flag", "count")
        if flag and not named:
            raise ValueError("a flag's name begins with '-'")
        several = self.many and not named
        most = (
            self.most if self.most is not None else (None if several else max(1, self.least or 0))
        )
        facts = {
            "kind": "positional" if not named else "flag" if flag else "option",
            "names": tuple(names),
            "type": kind,
            "least": 0 if flag else 1 if self.least is None else self.least,
            "most": 0 if flag else most,
            "repeatable": self.many and named,
            **self.model_dump(include=set(_SAME)),
        }
        try:
            return form.Field.model_validate(facts)
        except ValidationError as error:
            raise ValueError(_first(error)) from error

    def _kind_of_value(self, named: bool) -> form.Type:
        if self.choices:
            return "choice"
        takes_one = self.metavar or self.default is not None or self.least or self.most
        return "flag" if named and not takes_one else "text"


_SAME = ("off", "metavar", "choices", "default", "required", "style", "help", "group")


class FormGiven(Given):
    """The fields of a command and, two levels deep, of its subcommands."""

    usage: Annotated[str, StringConstraints(max_length=4000)] = ""
    about: Help = ""
    fields: list[FieldGiven] = Limited(default=[], max_length=form.MOST_FIELDS)
    subcommands: dict[Name, "FormGiven"] = Limited(default={}, max_length=form.MOST_SUBCOMMANDS)

    @model_validator(mode="after")
    def _is_a_form(self) -> Self:
        self.form()
        return self

    def form(self) -> Form:
        """As pages show it; groups in the order in which fields name them. Raises `ValueError`."""
        groups = dict.fromkeys(given.group for given in self.fields if given.group)
        try:
            return Form(
                source="toolyard.yaml",
                usage=self.usage,
                about=self.about,
                fields=tuple(given.field() for given in self.fields),
                groups=tuple(groups),
                subcommands={name: given.form() for name, given in self.subcommands.items()},
            )
        except ValidationError as error:
            raise ValueError(_first(error)) from error


def given_from(shown: Form) -> dict[str, object]:
    """The form as one would write it, without what goes without saying."""
    found: dict[str, object] = {}
    if shown.usage:
        found["usage"] = shown.usage
    if shown.about:
        found["about"] = shown.about
    if shown.fields:
        found["fields"] = [_field_from(one) for one in shown.fields]
    if shown.subcommands:
        found["subcommands"] = {n: given_from(one) for n, one in shown.subcommands.items()}
    return found


def _field_from(shown: form.Field) -> dict[str, object]:
    found: dict[str, object] = {}
    if len(shown.names) == 1:
        found["name"] = shown.names[0]
    else:
        found["names"] = list(shown.names)
    found["type"] = shown.type
    for name in _SAME:
        value = getattr(shown, name)
        if value not in (None, "", (), False) and (name, value) != ("style", "word"):
            found[name] = list(value) if isinstance(value, tuple) else value
    positional_many = shown.kind == "positional" and shown.most is None
    if shown.repeatable or positional_many:
        found["many"] = True
    if shown.kind != "flag":
        if shown.least != 1:
            found["least"] = shown.least
        if shown.most not in (None, max(1, shown.least)):
            found["most"] = shown.most
    return found


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    said = first["msg"].removeprefix("Value error, ")
    return f"{place}: {said}" if place else said
