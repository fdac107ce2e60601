"""Does the image answer? Its commands are tried in the sandbox of runs, best first."""

from dataclasses import dataclass, field

from builder_service.answers import answers, breakage
from builder_service.failures import BuildFailed
from builder_service.forms import Heard
from builder_service.step_runner import Steps
from builder_service.trial import trial
from shared.plan import Command, Plan

TRIED = 6
"""Commands that are tried at most; the others keep their place."""
SECONDS = 60.0
"""For all questions to one command: large libraries load slowly on a busy machine, and the first one counts."""
_AT_LEAST = 5.0
_ARGUMENTS: tuple[str | None, ...] = ("--help", "-h", "--version", "help", None)


@dataclass(frozen=True)
class Answered:
    """The commands in their final order, and what has to be said about it."""

    commands: list[Command]
    note: str = ""
    heard: dict[str, Heard] = field(default_factory=dict)
    """By command name."""


def smoke(image: str, plan: Plan, steps: Steps) -> Answered:
    """The commands, the first of which answers; `BuildFailed` with the tool's last words when none does."""
    steps.log.forget_tail()
    if plan.smoke:
        return _passed(image, plan, steps)
    words = ""
    heard: dict[str, Heard] = {}
    for index, command in enumerate(plan.commands[:TRIED]):
        steps.log.say(f"does {command.name} answer?")
        said = _ask(image, command, plan, steps, heard)
        if said is None:
            if index == 0:
                return Answered(plan.commands, heard=heard)
            silent = [other.name for other in plan.commands[:index]]
            note = f"{', '.join(silent)} did not answer, {command.name} did, so it comes first."
            steps.log.say(note)
            others = [other for other in plan.commands if other is not command]
            first, later = others[index:], others[:index]
            return Answered([command, *first, *later], note, heard)
        words = words or said
    names = ", ".join(command.name for command in plan.commands[:TRIED])
    raise BuildFailed(
        f"The image was built, but {names} did not answer to --help, -h, --version, help or alone. "
        + (f"Its last words: {words}" if words else "It printed nothing."),
        steps.log.tail(),
    )


def _passed(image: str, plan: Plan, steps: Steps) -> Answered:
    """A smoke command that was given decides alone."""
    line = " ".join(plan.smoke)
    steps.log.say(f"does {line} pass?")
    known = {command.name: command.run for command in plan.commands}
    run = [*known.get(plan.smoke[0], plan.smoke[:1]), *plan.smoke[1:]]
    said = trial(image, run, steps, env=plan.env, start=plan.start)
    out, err, exit_code = said.out, said.err, said.exit_code
    steps.log.write((out + err)[-4000:].rstrip() + b"\n")
    if exit_code == 0:
        return Answered(plan.commands, f"The smoke command {line} passed.")
    raise BuildFailed(
        f"The image was built, but the smoke command {line} ended with exit code {exit_code}. "
        + (f"Its last words: {_last_words(out, err)}" if out or err else "It printed nothing."),
        steps.log.tail(),
    )


def _ask(
    image: str, command: Command, plan: Plan, steps: Steps, heard: dict[str, Heard]
) -> str | None:
    """None when the command answers, else its last words."""
    words = ""
    ends = steps.clock.monotonic() + SECONDS
    for argument in _ARGUMENTS:
        steps.check()
        argv = [*command.run, *([argument] if argument else [])]
        left = max(ends - steps.clock.monotonic(), _AT_LEAST)
        said = trial(image, argv, steps, env=plan.env, start=plan.start, seconds=left)
        out, err, exit_code = said.out, said.err, said.exit_code
        shown = " ".join([command.name, *([argument] if argument else [])])
        if answers(out, err, exit_code, argument):
            steps.log.say(f"{shown}: answered with exit code {exit_code}")
            steps.log.write((out or err)[:4000].rstrip() + b"\n")
            heard[command.name] = Heard(argument, out, err)
            return None
        last = _last_words(out, err)
        steps.log.say(f"{shown}: no answer, exit code {exit_code}")
        if last and last != words:
            steps.log.write((err or out)[-2000:].rstrip() + b"\n")
        words = last or words
    return words


def _last_words(out: bytes, err: bytes) -> str:
    text = (err or out).decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (breakage(text) or lines[-1])[:300] if lines else ""
