"""How facts are put into words on pages: pure, and the only place that chooses them."""

import re
import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol

from markupsafe import Markup, escape

from shared.plan import RUNTIMES, Network, Plan
from shared.schema.tools import Build, Version
from shared.work import Limits
from web import arguments

Look = Literal["wait", "live", "ok", "bad", "off", "cold"]

_ICONS: dict[str, str] = {
    "wait": "circle-dashed",
    "ok": "circle-check",
    "bad": "circle-x",
    "off": "ban",
    "cold": "archive",
}


@dataclass(frozen=True)
class Shown:
    """A state as a glyph and a word."""

    word: str
    look: Look

    @property
    def icon(self) -> str:
        """The glyph's name; a living state has a dot instead."""
        return "timer-off" if self.word == "Timed out" else _ICONS.get(self.look, "")


_RUN: dict[str, Shown] = {
    "accepted": Shown("Accepted", "wait"),
    "waiting_build": Shown("Waits for its build", "wait"),
    "queued": Shown("Queued", "wait"),
    "leased": Shown("Starting", "live"),
    "running": Shown("Running", "live"),
    "finalizing": Shown("Keeping outputs", "live"),
    "succeeded": Shown("Succeeded", "ok"),
    "failed": Shown("Failed", "bad"),
    "timed_out": Shown("Timed out", "bad"),
    "cancelled": Shown("Cancelled", "off"),
    "lost": Shown("Lost", "bad"),
}
_BUILD: dict[str, Shown] = {
    "queued": Shown("Queued", "wait"),
    "leased": Shown("Starting", "live"),
    "cloning": Shown("Cloning", "live"),
    "detecting": Shown("Detecting", "live"),
    "building": Shown("Building", "live"),
    "smoking": Shown("Trying it", "live"),
    "publishing": Shown("Publishing", "live"),
    "succeeded": Shown("Ready", "ok"),
    "failed": Shown("Build failed", "bad"),
    "timed_out": Shown("Timed out", "bad"),
    "cancelled": Shown("Cancelled", "off"),
    "lost": Shown("Lost", "bad"),
}
_VERSION: dict[str, Shown] = {
    "pending": Shown("Building", "live"),
    "ready": Shown("Ready", "ok"),
    "failed": Shown("Build failed", "bad"),
}
TERMINAL = frozenset({"succeeded", "failed", "timed_out", "cancelled", "lost"})


def signal_name(number: int) -> str:
    """`SIGKILL` for 9."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


_USUAL_REASON = re.compile(
    r"ended by the time limit of|killed by signal|a process of it was killed"
)
"""How workers say what the facts say as well; any other reason knows more than these."""
_CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}


class RunFacts(Protocol):
    """What a run's state is told from."""

    @property
    def state(self) -> str: ...
    @property
    def cancel_requested_at(self) -> int | None: ...
    @property
    def exit_code(self) -> int | None: ...
    @property
    def signal(self) -> int | None: ...
    @property
    def oom(self) -> bool: ...


def run_state(run: RunFacts) -> Shown:
    """A run's state; a program's own exit code says more than `failed`."""
    if run.cancel_requested_at is not None and run.state not in TERMINAL:
        return Shown("Cancelling", "live")
    if run.state == "failed":
        if run.oom:
            return Shown("Out of memory", "bad")
        if run.signal is not None:
            return Shown(signal_name(run.signal), "bad")
        if run.exit_code is not None:
            return Shown(f"Exit {run.exit_code}", "bad")
    return _RUN.get(run.state, Shown(run.state, "wait"))


class RunEnd(RunFacts, Protocol):
    """What the sentence on a run's end is told from."""

    @property
    def reason(self) -> str: ...


def outcome(run: RunEnd, limits: Limits, most_seconds: int) -> str:
    """How a run ended that did not succeed, and what may help; empty for one that succeeded."""
    if run.reason and not _USUAL_REASON.match(run.reason):
        return run.reason
    if run.state == "timed_out":
        more = (
            f"Run it again with up to {span(most_seconds)}."
            if limits.wall_seconds < most_seconds
            else "Your plan allows no longer one."
        )
        return f"It was ended at its time limit of {span(limits.wall_seconds)}. {more}"
    if run.state != "failed":
        return run.reason
    if run.oom:
        who = "It" if run.signal is not None else "A process of it"
        most = memory(limits.memory_bytes)
        return f"{who} was ended when its {most} of memory was full. Less input at once may fit."
    if run.signal is not None and "(" not in run.reason:
        crash = ": the program itself crashed" if run.signal in _CRASHES else ""
        return f"It was ended by {signal_name(run.signal)}, signal {run.signal}{crash}."
    if run.exit_code:
        return (
            f"The tool ended with exit code {run.exit_code}; 0 would mean that all went well. "
            "What it printed says more."
        )
    return run.reason


def build_state(build: Build) -> Shown:
    """A build's state."""
    if build.cancel_requested_at is not None and build.state not in TERMINAL:
        return Shown("Cancelling", "live")
    return _BUILD.get(build.state, Shown(build.state, "wait"))


def version_state(version: Version, build: Build | None = None) -> Shown:
    """A version's state; while it is built, the build's own."""
    if version.state == "pending" and build is not None and build.state not in TERMINAL:
        return build_state(build)
    return _VERSION.get(version.state, Shown(version.state, "wait"))


def language(plan: Plan) -> str:
    """`Python 3.11`, `C or C++`."""
    return f"{RUNTIMES.get(plan.runtime, plan.runtime)} {plan.runtime_version}".strip()


def size(n: float) -> str:
    """Bytes with a unit: `4.1 kB`."""
    if n < 1000:
        return f"{int(n)} B"
    for unit in ("kB", "MB", "GB", "TB"):
        n /= 1000
        if n < 999.5:
            return f"{n:.1f} {unit}" if n < 10 else f"{n:.0f} {unit}"
    return f"{n:.0f} PB"


def memory(n: int) -> str:
    """A memory limit in the unit it is set in: `1 GiB`."""
    for unit, step in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if n >= step:
            return f"{n / step:.3g} {unit}"
    return f"{n} B"


def duration(seconds: float | None) -> str:
    """`0.4 s`, `42 s`, `3:07`, `1:02:03`."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    if hours:
        return f"{hours}:{rest // 60:02}:{rest % 60:02}"
    return f"{rest // 60}:{rest % 60:02}"


def running(seconds: float) -> str:
    """A clock that runs, in whole seconds."""
    whole = max(0, int(seconds))
    return f"{whole} s" if whole < 60 else duration(whole)


def span(seconds: float) -> str:
    """A limit in words: `10 min`."""
    whole = int(seconds)
    if whole >= 3600 and whole % 3600 == 0:
        return f"{whole // 3600} h"
    if whole >= 60 and whole % 60 == 0:
        return f"{whole // 60} min"
    return f"{whole} s"


_UNITS = ((60, "s", 1), (3600, "min", 60), (86_400, "h", 3600), (30 * 86_400, "day", 86_400))


def relative(at: int, now: int) -> str:
    """`12 min ago`, `in 3 days`; after a month the date."""
    seconds = round((now - at) / 1000)
    n = abs(seconds)
    if n < 10:
        return "in a moment" if seconds < 0 else "just now"
    for below, unit, per in _UNITS:
        if n < below:
            count = n // per if seconds >= 0 else round(n / per)  # 3 days are told as 3 at once
            words = f"{count} {unit}{'s' if unit == 'day' and count != 1 else ''}"
            return f"in {words}" if seconds < 0 else f"{words} ago"
    return _date(at).strftime("%-d %b %Y")


def _date(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)


def ago(at: int | None, now: int) -> Markup:
    """A `<time>` element in people's words; the exact time on hover."""
    if at is None:
        return Markup("")
    exact = _date(at).isoformat(timespec="seconds")  # like 2026-11-22T14:00:00+00:00
    hover = f"{exact[:10]} {exact[11:19]} UTC"
    # Digits and words of ours: nothing to escape, and a list has many.
    return Markup(f'<time datetime="{exact}" title="{hover}" data-ago>{relative(at, now)}</time>')  # noqa: S704


def short_link(link: str) -> str:
    """The part of a Git link that people read."""
    for prefix in ("https://", "http://"):
        link = link.removeprefix(prefix)
    return link.removesuffix("/").removesuffix(".git")


def network(value: Network) -> str:
    """A network in words."""
    if value.mode == "hosts":
        return ", ".join(value.hosts) or "no host"
    return {"off": "off", "internet": "internet"}[value.mode]


def command_line(argv: list[str]) -> Markup:
    """Arguments as one would type them, options toned down."""
    words = []
    for word in argv:
        typed = arguments.join([word])
        words.append(
            Markup('<span class="opt">{}</span>').format(typed)
            if word.startswith("-")
            else Markup("{}").format(typed)
        )
    return Markup(" ").join(words)


def sentence(text: str) -> Markup:
    """A sentence of ours whose `quoted` parts are set as code."""
    parts = [
        Markup("<code>{}</code>").format(part) if n % 2 else escape(part)
        for n, part in enumerate(text.split("`"))
    ]
    return Markup("").join(parts) if len(parts) % 2 else escape(text)


def whole(text: str) -> str:
    """A reason as a sentence: a capital and a full stop where it begins and ends with a word."""
    text = text.strip()
    if re.match(r"[a-z]+ ", text):
        text = text[0].upper() + text[1:]
    return text + "." if text[-1:].isalnum() or text.endswith((")", "”", "`")) else text


def middle(text: str, tail: int = 18) -> Markup:
    """One line that is cut in the middle where space is short."""
    text = " ".join(text.split())[:400]
    cut = len(text) - (min(tail, len(text) // 2) if len(text) > 12 else 0)
    head, rest = escape(text[:cut]), escape(text[cut:])
    end = f'<span class="tail">{rest}</span>' if rest else ""
    return Markup(f'<span class="middle"><span class="head">{head}</span>{end}</span>')  # noqa: S704
