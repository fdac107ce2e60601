"""Web servers behind a balancer as a flow of requests: how long answers take at so many servers; pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from load_tests import figures
from load_tests.simulator import EC2, Delays
from shared.scaling import WebGroup, WebLoad, WebMemory, decide_web

STEP = 5.0
"""Seconds of the model's clock."""
_FULL = 0.98


@dataclass(frozen=True)
class Server:
    """One web server: answers in `seconds` while it has little to do, `per_second` at most."""

    seconds: float = 0.006
    per_second: float = 40.0


@dataclass(frozen=True)
class WebSeen:
    """The last whole period."""

    requests_per_minute: float
    response_seconds: float


class WebPolicy(Protocol):
    """Decides how many web servers there should be."""

    def desired(self, seen: WebSeen, *, present: int, now: float) -> int: ...


@dataclass
class OurWeb:
    """The policy of `shared/scaling.py`, unchanged."""

    group: WebGroup
    _memory: WebMemory = field(default_factory=WebMemory)

    def desired(self, seen: WebSeen, *, present: int, now: float) -> int:
        load = WebLoad(seen.requests_per_minute, seen.response_seconds)
        count, self._memory = decide_web(
            self.group, load, present=present, now=now, memory=self._memory
        )
        return count


@dataclass(frozen=True)
class WebSample:
    """One step."""

    at: float
    requests_per_minute: float
    response_seconds: float
    desired: int
    up: int


@dataclass
class WebOutcome:
    """What became of a trace."""

    samples: list[WebSample] = field(default_factory=list)
    server_seconds: float = 0.0

    def seconds_over(self, target: float) -> float:
        return STEP * sum(sample.response_seconds > target for sample in self.samples)

    def changes_of_direction(self) -> int:
        """How often the wanted number turned round."""
        return figures.changes_of_direction(sample.desired for sample in self.samples)


def simulate_web(
    rates: Sequence[float],
    policy: WebPolicy,
    *,
    server: Server | None = None,
    first: int = 2,
    delays: Delays = EC2,
) -> WebOutcome:
    """`rates` are requests a second in each step."""
    server = server or Server()
    outcome = WebOutcome()
    up, desired, waiting = first, first, 0.0
    booting: list[float] = []
    period: list[tuple[float, float]] = []
    decided = 0.0
    for n, rate in enumerate(rates):
        now = n * STEP
        up += sum(at <= now for at in booting)
        booting = [at for at in booting if at > now]
        capacity = up * server.per_second
        served = min(capacity, rate + waiting / STEP)
        waiting = max(0.0, waiting + (rate - served) * STEP)
        share = min(_FULL, rate / capacity)
        response = server.seconds / (1 - share) + waiting / capacity
        period.append((rate, response))
        if now - decided >= delays.metrics:
            seen = WebSeen(
                60 * sum(r for r, _ in period) / len(period),
                sum(s for _, s in period) / len(period),
            )
            period, decided = [], now
            desired = policy.desired(seen, present=up + len(booting), now=now)
            more = desired - up - len(booting)
            booting += [now + delays.boot] * max(0, more)
            up -= min(up - 1, max(0, -more))
        outcome.server_seconds += (up + len(booting)) * STEP
        outcome.samples.append(WebSample(now, 60 * rate, response, desired, up))
    return outcome
