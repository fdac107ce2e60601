"""The forms of a built tool's commands, made from what they answer to `--help`, two levels deep."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from builder_service.apart import Endless, apart
from builder_service.help.parse import parse
from builder_service.step_runner import Steps
from builder_service.trial import trial
from shared.form import LEVELS, Form
from shared.plan import Command, JsonForm, Plan

T = TypeVar("T")
F = TypeVar("F")

MOST_COMMANDS = 12
MOST_ASKED = 60
"""Answers of one build, subcommands included."""
MOST_BYTES = 2 << 20
"""Of all forms together, as JSON."""
SECONDS = 10.0
"""For all the answers of one level."""
_SECONDS_EACH = 5
_KEPT = 1 << 20
_HELP = ("--help", "-h", "help")

# One container for all the questions of a level: a container costs more than most answers do. The words stay
# arguments; each group is its number of words and the words.
_SCRIPT = """
mark=$1
shift
while [ $# -gt 0 ]; do
  count=$1
  shift
  (
    rest=$(($# - count))
    n=0
    while [ $n -lt $count ]; do set -- "$@" "$1"; shift; n=$((n + 1)); done
    shift $rest
    COLUMNS=100 NO_COLOR=1 exec timeout SECONDS "$@" </dev/null 2>&1
  )
  printf '\\n%s\\n' "$mark"
  shift $count
done
""".replace("SECONDS", str(_SECONDS_EACH))


@dataclass(frozen=True)
class Heard:
    """What a command answered to `argument` when it was tried."""

    argument: str | None
    out: bytes
    err: bytes

    def form(self, words: Sequence[str] = ()) -> Form | None:
        """The form in either stream."""
        for said in (self.out, self.err, self.out + b"\n" + self.err):
            form = parse(said.decode(errors="replace"), words)
            if form is not None:
                return form
        return None


def forms(
    image: str,
    plan: Plan,
    commands: Sequence[Command],
    heard: Mapping[str, Heard],
    steps: Steps,
    notes: Path,
) -> dict[str, JsonForm]:
    """By command name; what `toolyard.yaml` declares wins, `notes` keeps what was asked of this image."""
    known = _noted(notes)
    if known is None:
        known = _Asking(image, plan, steps).forms(commands, heard)
        notes.parent.mkdir(parents=True, exist_ok=True)
        notes.write_text(json.dumps(known))
    return {**known, **plan.forms}


def _noted(notes: Path) -> dict[str, JsonForm] | None:
    try:
        found = json.loads(notes.read_text())
        for form in found.values():
            Form.model_validate(form)
    except (OSError, ValueError, AttributeError, ValidationError):
        return None
    return dict(found)


@dataclass
class _Question:
    """A command or subcommand whose help is wanted."""

    command: Command
    path: tuple[str, ...]
    argument: str

    @property
    def argv(self) -> list[str]:
        if self.argument == "help":
            return [*self.command.run, "help", *self.path]
        return [*self.command.run, *self.path, self.argument]


@dataclass
class _Asking:
    image: str
    plan: Plan
    steps: Steps
    asked: int = 0
    found: dict[tuple[str, ...], Form] = field(default_factory=dict)
    """By command name and subcommands."""

    def forms(self, commands: Sequence[Command], heard: Mapping[str, Heard]) -> dict[str, JsonForm]:
        arguments: dict[str, str] = {}
        questions: list[_Question] = []
        for command in commands[:MOST_COMMANDS]:
            answer = heard.get(command.name)
            if answer is None or answer.argument == "--version":
                arguments[command.name] = "--help"
                questions.append(_Question(command, (), "--help"))
                continue
            arguments[command.name] = answer.argument if answer.argument in _HELP else "--help"
            form = self._read(Heard.form, answer, otherwise=None)
            if form is not None:
                self.found[command.name,] = form
        self._ask(questions)
        by_name = {command.name: command for command in commands[:MOST_COMMANDS]}
        for depth in range(1, LEVELS + 1):
            self._ask(
                [
                    _Question(by_name[key[0]], (*key[1:], name), arguments[key[0]])
                    for key, form in list(self.found.items())
                    if len(key) == depth
                    for name in form.subcommands
                ]
            )
        kept: dict[str, JsonForm] = {}
        left = MOST_BYTES
        for name in by_name:
            if (name,) not in self.found:
                continue
            for form in (
                self._whole((name,)),
                self.found[name,],
            ):  # without its subcommands' fields
                dumped = form.model_dump(mode="json", exclude_defaults=True)
                size = len(json.dumps(dumped))
                if size <= left:
                    kept[name] = dumped
                    left -= size
                    break
        return kept

    def _ask(self, questions: Sequence[_Question]) -> None:
        questions = questions[: MOST_ASKED - self.asked]
        if not questions:
            return
        self.asked += len(questions)
        self.steps.check()
        mark = f"--{secrets.token_hex(12)}--"
        groups = [word for one in questions for word in (str(len(one.argv)), *one.argv)]
        said = trial(
            self.image,
            ["sh", "-c", _SCRIPT, "sh", mark, *groups],
            self.steps,
            env=self.plan.env,
            seconds=SECONDS,
            kept=_KEPT,
            start=self.plan.start,
        )
        answers = said.out.decode(errors="replace").split(f"\n{mark}\n")[:-1]
        asked: Sequence[tuple[str, Sequence[str]]] = [
            (text, one.path) for one, text in zip(questions, answers, strict=False)
        ]
        none: list[Form | None] = []
        read = self._read(_parsed, asked, otherwise=none)
        for question, form in zip(questions, read, strict=False):
            self._learn(question, form)
        if len(answers) < len(questions):
            self.steps.log.say(f"{len(questions) - len(answers)} subcommands did not explain themselves in time")  # fmt: skip

    def _read(self, function: Callable[[T], F], text: T, *, otherwise: F) -> F:
        try:
            return apart(function, text, check=self.steps.check)
        except Endless:
            self.steps.log.say("a help text is made so that it cannot be read: no form comes of it")
            return otherwise

    def _learn(self, question: _Question, form: Form | None) -> None:
        if form is None:
            return
        above = self.found.get((question.command.name, *question.path[:-1]))
        if above is not None and question.path and _same(form, above):
            return  # it does not know the subcommand's help and shows its own
        self.found[question.command.name, *question.path] = form

    def _whole(self, key: tuple[str, ...]) -> Form:
        """The form with those of its subcommands, as deep as forms go."""
        form = self.found[key]
        deepest = len(key) > LEVELS
        subcommands = {
            name: self._whole((*key, name)) if (*key, name) in self.found else stub
            for name, stub in form.subcommands.items()
        }
        return form.model_copy(
            update={
                "subcommands": {} if deepest else subcommands,
                "aliases": {} if deepest else form.aliases,
            }
        )


def _parsed(texts: Sequence[tuple[str, Sequence[str]]]) -> list[Form | None]:
    return [parse(text, words) for text, words in texts]


def _same(form: Form, other: Form) -> bool:
    return form.fields == other.fields and form.subcommands == other.subcommands
