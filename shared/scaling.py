"""How many workers and web servers there should be: pure, the same for one machine, EC2 and the simulator (DESIGN 3.16)."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

LONGEST_PERIOD = 30.0
"""Seconds between two evaluations, at most."""
FAILED_LAUNCHES = 5
FAILED_LAUNCHES_SECONDS = 600.0
LOOKED_AT = 100
"""Ended jobs, and running ones, that the mean is taken over."""


@dataclass(frozen=True)
class Backlog:
    """Jobs of one kind: how many wait and could start, how many are worked on, how long one takes."""

    queued: float
    running: int
    mean_seconds: float
    slots: int = 1
    """How many of them one worker carries at once."""

    def workers(self, target_wait: float) -> float:
        """How many workers carry what runs and begin what waits within `target_wait` seconds."""
        return (self.queued * self.mean_seconds / target_wait + self.running) / self.slots


@dataclass(frozen=True)
class Group:
    """Bounds of a group of workers, and how long a job should wait at most."""

    minimum: int
    maximum: int
    target_wait: float = 30.0
    hold: float = 120.0
    """Seconds for which fewer must have been enough before some go."""


Memory = tuple[tuple[float, int], ...]
"""When so many workers were wanted, over the last `hold` seconds."""


@dataclass(frozen=True)
class Decision:
    """How many workers there should be from now on."""

    desired: int
    wanted: int
    """What this moment alone asks for; `desired` is the most of the last while."""
    memory: Memory


def wanted(backlogs: Sequence[Backlog], group: Group) -> int:
    """Workers for this backlog, within the group's bounds; at least one where anything waits."""
    exact = sum(backlog.workers(group.target_wait) for backlog in backlogs)
    least = 1 if any(b.queued > 0 or b.running > 0 for b in backlogs) else 0
    # What is a rounding error above a whole number is that number.
    return _within(group, max(least, math.ceil(exact - 1e-9)))


def decide(
    group: Group,
    backlogs: Sequence[Backlog],
    *,
    busy: int,
    present: int,
    now: float,
    memory: Memory = (),
) -> Decision:
    """Out at once, in after `hold`; never below the workers that hold a job (up to the maximum)."""
    need = wanted(backlogs, group)
    # What was wanted at the last look counts however long ago that was: nobody has said otherwise.
    # Whoever has just begun to look knows nothing of before: what is there was needed until now.
    held = [(at, n) for at, n in memory if now - at < group.hold]
    before = held or list(memory[-1:]) or [(now, present)]
    kept = (*before, (now, need))
    most = max(n for _, n in kept)
    return Decision(min(group.maximum, max(_within(group, most), busy)), need, kept)


def may_go(idle: Sequence[str], *, present: int, desired: int) -> list[str]:
    """Which workers may end: idle ones only, the first named first, and no more than are too many."""
    return list(idle[: max(0, present - desired)])


def startable(
    queued: int, running: int, most: int, *, mean_seconds: float, target_wait: float
) -> float:
    """Of one account's queued jobs, those that more workers would help with.

    An account runs at most `most` jobs at once, whatever the number of workers: its share of
    what is asked for, `queued × mean / target + running`, never exceeds that.
    """
    if mean_seconds <= 0:
        return float(queued)
    return min(float(queued), max(0, most - running) * target_wait / mean_seconds)


def mean_seconds(ended: Sequence[float], ages: Sequence[float], prior: float) -> float:
    """How long a job takes, from the last that ended and from those that run longer than these did."""
    total, count = prior + sum(ended), 1 + len(ended)
    long = [age for age in ages if age > total / count]
    return (total + sum(long)) / (count + len(long))


def launches_fail(failed_at: Collection[float], now: float) -> bool:
    """Whether so many machines failed to start lately that asking for more only costs money."""
    return sum(now - at < FAILED_LAUNCHES_SECONDS for at in failed_at) >= FAILED_LAUNCHES


@dataclass(frozen=True)
class WebLoad:
    """What all web servers together were asked, and how quickly they answered."""

    requests_per_minute: float
    response_seconds: float


@dataclass(frozen=True)
class WebGroup:
    """Bounds of the web servers; slow answers ask for more, few requests let one go."""

    minimum: int = 2
    maximum: int = 10
    slow_seconds: float = 0.5
    requests_per_server: float = 600.0
    """A minute; one goes only where the others would stay well below this."""
    warm_up: float = 60.0
    """Seconds before a change is judged."""
    hold: float = 300.0
    """Seconds for which requests must have been few before one goes."""


@dataclass(frozen=True)
class WebMemory:
    """What the decision remembers: the last change, since when it is calm, and what was too much."""

    changed_at: float = -math.inf
    calm_since: float | None = None
    slow_at: float = math.inf
    """Requests per server and minute at which answers were slow."""
    slow_seen: float = -math.inf


_MARGIN = 0.7
_FORGET_SECONDS = 3600.0


def decide_web(
    group: WebGroup, load: WebLoad, *, present: int, now: float, memory: WebMemory
) -> tuple[int, WebMemory]:
    """Web servers from now on: out on response time, in on request count.

    The two cannot contradict each other: while answers are slow nobody goes, and nobody goes
    either where the others would get near the count at which answers were slow before.
    """
    present = min(max(present, group.minimum), group.maximum)
    if now - memory.slow_seen > _FORGET_SECONDS:
        memory = replace(memory, slow_at=math.inf)
    is_settled = now - memory.changed_at >= group.warm_up
    if load.response_seconds > group.slow_seconds:
        each = load.requests_per_minute / present
        memory = replace(memory, calm_since=None, slow_at=min(memory.slow_at, each), slow_seen=now)
        slower = min(2.0, load.response_seconds / group.slow_seconds)
        more = min(group.maximum, max(present + 1, round(present * slower)))
        if is_settled and more > present:
            return more, replace(memory, changed_at=now)
        return present, memory
    too_much = _MARGIN * min(group.requests_per_server, memory.slow_at)
    if present == group.minimum or load.requests_per_minute / (present - 1) >= too_much:
        return present, replace(memory, calm_since=None)
    since = now if memory.calm_since is None else memory.calm_since
    if is_settled and now - since >= group.hold:
        return present - 1, replace(memory, changed_at=now, calm_since=since)
    return present, replace(memory, calm_since=since)


def _within(group: Group, count: int) -> int:
    return min(group.maximum, max(group.minimum, count))
