"""Runs, workers and a policy on a clock of its own: what would happen on EC2, at any size; pure."""

import heapq
import random
from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from load_tests import figures
from shared import scaling

_FINISH, _READY, _LOOK = range(3)
_BOOTING, _UP, _GONE = range(3)


@dataclass(frozen=True)
class Delays:
    """How slow the world is, in seconds."""

    boot: float = 90.0
    """From asking for a machine to its worker's first claim."""
    evaluate: float = 30.0
    """Between two decisions."""
    metrics: float = 60.0
    """Figures are as old as the last whole period of this length; 0: they are read at the decision."""
    billed: float = 60.0
    """The least that a machine costs."""


EC2 = Delays()


@dataclass(frozen=True)
class Seen:
    """What a policy is told: figures of `at`."""

    at: float
    queued: int
    running: int
    mean_seconds: float
    sent: int
    """Runs asked for so far: messages sent."""


class Policy(Protocol):
    """Decides how many workers there should be."""

    def desired(self, seen: Seen, *, busy: int, present: int, now: float) -> int: ...


@dataclass
class Ours:
    """The policy of `shared/scaling.py`, unchanged."""

    group: scaling.Group
    slots: int
    _memory: scaling.Memory = ()

    def desired(self, seen: Seen, *, busy: int, present: int, now: float) -> int:
        backlog = scaling.Backlog(seen.queued, seen.running, seen.mean_seconds, self.slots)
        made = scaling.decide(
            self.group, [backlog], busy=busy, present=present, now=now, memory=self._memory
        )
        self._memory = made.memory
        return made.desired


@dataclass(frozen=True)
class Sample:
    """One decision and what it met."""

    at: float
    desired: int
    running: int
    """Machines that are there, also those that still boot."""
    up: int
    busy: int
    queued: int


@dataclass
class Outcome:
    """What became of a trace."""

    waits: "array[float]"
    """Seconds from asking to the claim, in the order of asking."""
    arrivals: Sequence[float]
    services: Sequence[float]
    samples: list[Sample] = field(default_factory=list)
    worker_seconds: float = 0.0
    busy_ended: int = 0
    most: int = 0

    @property
    def worker_hours(self) -> float:
        return self.worker_seconds / 3600

    @property
    def mean_wait(self) -> float:
        return sum(self.waits) / max(1, len(self.waits))

    @property
    def mean_completion(self) -> float:
        return self.mean_wait + sum(self.services) / max(1, len(self.services))

    def percentile(self, share: float) -> float:
        """Of the waits."""
        return figures.at_share(sorted(self.waits), share)

    def seconds_over(self, target: float) -> float:
        """How long some run had been waiting for more than `target`."""
        total, until = 0.0, 0.0
        for arrival, wait in zip(self.arrivals, self.waits, strict=True):
            if wait > target:
                since, started = max(until, arrival + target), arrival + wait
                if started > since:
                    total += started - since
                    until = started
        return total

    def changes_of_direction(self) -> int:
        """How often the wanted number turned round."""
        return figures.changes_of_direction(sample.desired for sample in self.samples)


def simulate(
    arrivals: Sequence[float],
    services: Sequence[float],
    policy: Policy,
    *,
    slots: int,
    first: int = 0,
    delays: Delays = EC2,
    until: float = 0.0,
    prior_seconds: float = 10.0,
    seed: int = 1,
) -> Outcome:
    """Every run of the trace to its end; `arrivals` ascend, `first` workers are up from the start."""
    world = _World(arrivals, services, policy, slots, delays, prior_seconds, seed)
    world.start(first)
    world.play(until)
    return world.outcome


class _World:
    def __init__(
        self,
        arrivals: Sequence[float],
        services: Sequence[float],
        policy: Policy,
        slots: int,
        delays: Delays,
        prior_seconds: float,
        seed: int,
    ) -> None:
        self._arrivals, self._services = arrivals, services
        self._policy, self._slots, self._delays = policy, slots, delays
        self._prior = prior_seconds
        self._random = random.Random(seed)
        self.outcome = Outcome(array("d"), arrivals, services)
        self._events: list[tuple[float, int, int, int]] = []
        self._now = 0.0
        self._arrived = self._started = self._ended = 0
        self._state: list[int] = []
        self._jobs: list[int] = []
        self._since: list[float] = []
        self._present = self._up = self._busy = 0
        self._free: list[int] = []
        """One entry a free slot; those of machines that have gone are dropped when drawn."""
        self._recent: deque[float] = deque(maxlen=scaling.LOOKED_AT)
        self._live: deque[tuple[float, int]] = deque()
        self._done = bytearray(len(arrivals))
        self._seen = self._look()

    def start(self, first: int) -> None:
        for _ in range(first):
            self._launch(0.0)
        heapq.heappush(self._events, (0.0, _LOOK, 0, 0))

    def play(self, until: float) -> None:
        count = len(self._arrivals)
        while self._ended < count or self._now < until:
            arrival = self._arrivals[self._arrived] if self._arrived < count else None
            if arrival is not None and arrival <= self._events[0][0]:
                self._now = arrival
                self._arrived += 1
                if self._arrived == count or self._arrivals[self._arrived] > arrival:
                    self._dispatch()
                continue
            self._now, what, worker, run = heapq.heappop(self._events)
            if what == _FINISH:
                self._finish(worker, run)
            elif what == _READY:
                self._ready(worker)
            else:
                self._decide()
        for worker, state in enumerate(self._state):
            if state != _GONE:
                self._bill(worker)

    def _launch(self, delay: float) -> None:
        self._state.append(_BOOTING)
        self._jobs.append(0)
        self._since.append(self._now)
        self._present += 1
        self.outcome.most = max(self.outcome.most, self._present)
        heapq.heappush(self._events, (self._now + delay, _READY, len(self._state) - 1, 0))

    def _ready(self, worker: int) -> None:
        self._state[worker] = _UP
        self._up += 1
        self._free += [worker] * self._slots
        self._dispatch()

    def _dispatch(self) -> None:
        free, draw = self._free, self._random.random
        while self._started < self._arrived and free:
            n = int(draw() * len(free))  # whoever asks first: nobody decides
            worker, free[n] = free[n], free[-1]
            free.pop()
            if self._state[worker] != _UP:
                continue
            run = self._started
            self._started += 1
            self.outcome.waits.append(self._now - self._arrivals[run])
            self._live.append((self._now, run))
            self._busy += self._jobs[worker] == 0
            self._jobs[worker] += 1
            heapq.heappush(self._events, (self._now + self._services[run], _FINISH, worker, run))

    def _finish(self, worker: int, run: int) -> None:
        self._ended += 1
        self._done[run] = 1
        self._recent.append(self._services[run])
        self._jobs[worker] -= 1
        self._busy -= self._jobs[worker] == 0
        self._free.append(worker)
        self._dispatch()

    def _decide(self) -> None:
        period = self._delays.metrics
        if not period or self._now - self._seen.at >= period:
            self._seen = self._look()
        desired = self._policy.desired(
            self._seen, busy=self._busy, present=self._present, now=self._now
        )
        if desired > self._present:
            for _ in range(desired - self._present):
                self._launch(self._delays.boot)
        elif desired < self._present:
            idle = [
                str(worker)
                for worker, state in enumerate(self._state)
                if state == _UP and not self._jobs[worker]
            ]
            for name in scaling.may_go(idle, present=self._present, desired=desired):
                self._end(int(name))
        queued = self._arrived - self._started
        self.outcome.samples.append(
            Sample(self._now, desired, self._present, self._up, self._busy, queued)
        )
        heapq.heappush(self._events, (self._now + self._delays.evaluate, _LOOK, 0, 0))

    def _end(self, worker: int) -> None:
        self.outcome.busy_ended += self._jobs[worker] > 0
        self._state[worker] = _GONE
        self._present -= 1
        self._up -= 1
        self._bill(worker)

    def _bill(self, worker: int) -> None:
        lasted = self._now - self._since[worker]
        self.outcome.worker_seconds += max(self._delays.billed, lasted)

    def _look(self) -> Seen:
        return Seen(
            self._now,
            self._arrived - self._started,
            self._started - self._ended,
            scaling.mean_seconds(list(self._recent), self._ages(), self._prior),
            self._arrived,
        )

    def _ages(self) -> list[float]:
        live, done = self._live, self._done
        while live and done[live[0][1]]:
            live.popleft()
        if len(live) > 4 * (self._started - self._ended) + 1000:
            self._live = live = deque(one for one in live if not done[one[1]])
        ages: list[float] = []
        for begun, run in live:
            if not done[run]:
                ages.append(self._now - begun)
                if len(ages) == scaling.LOOKED_AT:
                    break
        return ages
