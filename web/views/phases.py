"""A job's history as the steps of a vertical line, with the seconds that each took; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.schema.runs import JobEvent
from web.queue_position import Place
from web.views.shown import TERMINAL

_WORDS = {
    "accepted": "Accepted",
    "waiting_build": "Waited for the build",
    "queued": "Queued",
    "leased": "Taken by a worker",
    "staging": "Inputs staged",
    "starting": "Container started",
    "running": "Running",
    "finalizing": "Outputs kept",
    "cloning": "Clone",
    "detecting": "Detect",
    "building": "Build",
    "smoking": "Try it",
    "publishing": "Publish",
    "succeeded": "Ready",
    "failed": "Failed",
    "timed_out": "Timed out",
    "cancelled": "Cancelled",
    "lost": "Lost",
}
RUN_STEPS = ("queued", "staging", "starting", "running", "finalizing")
BUILD_STEPS = ("queued", "cloning", "detecting", "building", "smoking", "publishing")
_MOST = 40


@dataclass(frozen=True)
class Step:
    """One line: a phase that was, is (`now`) or is to come (`next`)."""

    word: str
    look: str
    detail: str = ""
    seconds: float | None = None
    since: int | None = None


def line(events: Sequence[JobEvent], steps: Sequence[str], state: str) -> list[Step]:
    """The phases that were, the present one, and those to come."""
    live = state not in TERMINAL
    reached = [e for e in events if not e.terminal and e.phase != "leased"] or list(events)
    found: list[Step] = []
    for n, event in enumerate(reached):
        after = reached[n + 1].at if n + 1 < len(reached) else _ended(events)
        word = _WORDS.get(event.phase, event.phase.capitalize())
        if event.terminal:
            continue
        if after is None and live:
            found.append(Step(word, "now", event.detail, since=event.at))
        else:
            seconds = None if after is None else max(0, after - event.at) / 1000
            found.append(Step(word, "past", event.detail, seconds))
    if live:
        last = reached[-1].phase if reached else ""
        following = steps[steps.index(last) + 1 :] if last in steps else steps
        found += [Step(_WORDS[phase], "next") for phase in following]
    else:
        end = next((e for e in events if e.terminal), None)
        phase = end.phase if end else state
        ended = steps is RUN_STEPS and phase in ("succeeded", "failed")
        look = "bad" if phase in ("failed", "timed_out", "lost") else "past"
        found.append(Step("Ended" if ended else _WORDS.get(phase, phase), look))
    if len(found) > _MOST:
        left_out = len(found) - _MOST
        found = [*found[:5], Step(f"{left_out} more", "past"), *found[left_out + 5 :]]
    return found


def _ended(events: Sequence[JobEvent]) -> int | None:
    return next((event.at for event in events if event.terminal), None)


def queue_sentence(state: str, at: Place | None) -> str:
    """Where a waiting job stands, in words; empty for one that does not wait."""
    if state == "waiting_build":
        return "It waits until its version is built, then it starts by itself."
    if at is None:
        return ""
    place = "Next in line" if at.position == 1 else f"Number {at.position} in line"
    if at.expected_seconds is None:
        return f"{place}. It starts as soon as a worker is free."
    if at.expected_seconds < 5:
        return f"{place}. It should start at once."
    minutes = at.expected_seconds / 60
    about = f"{round(minutes)} min" if minutes >= 1.5 else f"{round(at.expected_seconds)} s"
    return f"{place}. It should start in about {about}."
