"""The forms of a built tool's commands, made from what they answer to `--help`, two levels deep."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from builder_service.apart import Endless, apart
from builder_service.help.parse import parse
from builder_service.questions import Question, ask
from builder_service.step_runner import Steps
from shared.form import LEVELS, Form
from shared.plan import Command, JsonForm, Plan

MOST_COMMANDS = 12
MOST_ASKED = 60
"""Answers of one build, subcommands included."""
MOST_BYTES = 2 << 20
"""Of all forms together, as JSON."""
_HELP = ("--help", "-h", "help")


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


def ask_others(image: str, plan: Plan, steps: Steps, notes: Path) -> dict[str, Heard]:
    """What the commands answer to `--help` that smoke does not ask first: asked while it asks that one."""
    if _noted(notes) is not None:
        return {}
    first = 0 if plan.smoke else 1
    others = [Question(command, (), "--help") for command in plan.commands[first:MOST_COMMANDS]]
    answers = ask(image, others, plan, steps)
    return {
        one.command.name: Heard("--help", answer or b"", b"")
        for one, answer in zip(others, answers, strict=True)
    }


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
        known = _Asking(image, plan, steps, asked=len(heard)).forms(commands, heard)
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
class _Asking:
    image: str
    plan: Plan
    steps: Steps
    asked: int = 0
    found: dict[tuple[str, ...], Form] = field(default_factory=dict)
    """By command name and subcommands."""

    def forms(self, commands: Sequence[Command], heard: Mapping[str, Heard]) -> dict[str, JsonForm]:
        arguments: dict[str, str] = {}
        questions: list[Question] = []
        answered: list[tuple[str, Heard]] = []
        for command in commands[:MOST_COMMANDS]:
            answer = heard.get(command.name)
            if answer is None or answer.argument == "--version":
                arguments[command.name] = "--help"
                questions.append(Question(command, (), "--help"))
                continue
            arguments[command.name] = answer.argument if answer.argument in _HELP else "--help"
            answered.append((command.name, answer))
        read = self._read([(answer, ()) for _, answer in answered])
        for (name, _), form in zip(answered, read, strict=True):
            if form is not None:
                self.found[name,] = form
        self._ask(questions)
        by_name = {command.name: command for command in commands[:MOST_COMMANDS]}
        for depth in range(1, LEVELS + 1):
            self._ask(
                [
                    Question(by_name[key[0]], (*key[1:], name), arguments[key[0]])
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

    def _ask(self, questions: Sequence[Question]) -> None:
        questions = questions[: MOST_ASKED - self.asked]
        if not questions:
            return
        self.asked += len(questions)
        answers = ask(self.image, questions, self.plan, self.steps)
        texts = [
            (Heard(one.argument, answer or b"", b""), one.path)
            for one, answer in zip(questions, answers, strict=True)
        ]
        for question, form in zip(questions, self._read(texts), strict=True):
            self._learn(question, form)
        if silent := answers.count(None):
            self.steps.log.say(
                f"{silent} of {len(questions)} commands did not explain themselves in time"
            )

    def _read(self, answers: Sequence[tuple[Heard, Sequence[str]]]) -> list[Form | None]:
        if not answers:
            return []
        try:
            return apart(_parsed, answers, check=self.steps.check)
        except Endless:
            self.steps.log.say("a help text is made so that it cannot be read: no form comes of it")
            return [None] * len(answers)

    def _learn(self, question: Question, form: Form | None) -> None:
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


def _parsed(answers: Sequence[tuple[Heard, Sequence[str]]]) -> list[Form | None]:
    return [answer.form(words) for answer, words in answers]


def _same(form: Form, other: Form) -> bool:
    return form.fields == other.fields and form.subcommands == other.subcommands
