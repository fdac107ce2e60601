"""What our mails say; pure text."""

import shlex
import signal
from dataclasses import dataclass


@dataclass(frozen=True)
class RunFacts:
    """What a mail about a finished run tells."""

    run_id: str
    tool: str
    command: str
    argv: list[str]
    state: str
    exit_code: int | None
    signal: int | None
    oom: bool
    reason: str
    seconds: float | None


@dataclass(frozen=True)
class BuildFacts:
    """What a mail about a finished build tells."""

    build_id: str
    tool: str
    number: int
    link: str
    state: str
    reason: str


@dataclass(frozen=True)
class Text:
    subject: str
    body: str


def run_finished(facts: RunFacts, url: str) -> Text:
    """The outcome in the subject, the reason and the way to the results in the body."""
    outcome = _run_outcome(facts)
    line = shlex.join([facts.command, *facts.argv])
    seconds = f" after {facts.seconds:.1f} s" if facts.seconds is not None else ""
    lines = [
        f"Your run of {one_line(facts.tool)} ended{seconds}: {outcome}.",
        _reason(facts.reason),
        f"Command:  {one_line(line, 500)}",
        f"Results:  {url}/runs/{facts.run_id}",
    ]
    return _text(facts.tool, outcome, lines)


def build_finished(facts: BuildFacts, url: str) -> Text:
    """Whether the tool can be run now, and if not, why."""
    outcome = _BUILD_OUTCOMES.get(facts.state, facts.state)
    lines = [
        f"Version {facts.number} of {one_line(facts.tool)}, from {one_line(facts.link)}: {outcome}.",
        _reason(facts.reason),
        f"The build:  {url}/builds/{facts.build_id}",
    ]
    return _text(facts.tool, outcome, lines)


def one_line(text: str, longest: int = 200) -> str:
    """Text of others, made harmless for a header or a line: no control characters, not too long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


_BUILD_OUTCOMES = {
    "succeeded": "ready to run",
    "failed": "could not be built",
    "timed_out": "the build took too long",
    "cancelled": "the build was cancelled",
    "lost": "the build was lost, by no fault of yours",
}


def _run_outcome(facts: RunFacts) -> str:
    if facts.state == "timed_out":
        return "stopped, it took too long"
    if facts.state == "cancelled":
        return "cancelled"
    if facts.state == "lost":
        return "lost, by no fault of yours"
    if facts.oom:
        return "ended, out of memory"
    if facts.signal is not None:
        return f"ended by {_signal_name(facts.signal)}"
    if facts.exit_code is not None:
        return f"finished, exit {facts.exit_code}"
    return "could not be run"


def _signal_name(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"


def _reason(reason: str) -> str:
    return f"Reason:   {one_line(reason, 500)}" if reason.strip() else ""


def _text(tool: str, outcome: str, lines: list[str]) -> Text:
    return Text(
        subject=f"{one_line(tool, 80)}: {outcome}",
        body="\n".join(line for line in lines if line) + "\n",
    )
