"""What a load test left: requests, runs and the scaler's samples, on one clock."""

import itertools
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from load_tests import figures
from shared.bounds import Bounds
from shared.db import Transactions
from shared.schema.runs import Run
from shared.schema.scaling import ScalingSample

_READY = re.compile(r"^(\w+)\s+\| (\S+Z) .*\brunner_ready\b")
_RETIRED = re.compile(r"\brunner_retired\s+.*\bruns=(\d+)")
_GONE = re.compile(r"^up\s+\| (runner\d*) has gone")


@dataclass(frozen=True)
class Request:
    """One answer that Locust got."""

    at: float
    name: str
    ms: float
    good: bool
    users: int


@dataclass(frozen=True)
class Measured:
    """Times are seconds since `start`."""

    start: float
    requests: Sequence[Request]
    runs: Sequence["MeasuredRun"]
    samples: dict[str, list["Look"]]
    ready: Sequence[float]
    """When runners were ready to claim."""
    retired: int
    """Runners that went because fewer were enough."""
    left_busy: int
    """Of these, how many left a run behind."""
    period: float

    @property
    def end(self) -> float:
        times = [look.at for looks in self.samples.values() for look in looks]
        return max([*times, *(run.finished for run in self.runs), 1.0])

    def needed(self) -> tuple[int, int, int]:
        """Runners at most needed, and at which look they were needed and there."""
        looks = self.samples["runner"]
        most = max(look.needed for look in looks)
        wanted = next(n for n, look in enumerate(looks) if look.needed >= most)
        there = next((n for n, look in enumerate(looks) if look.running >= most), len(looks))
        return most, wanted, there

    def changes_of_direction(self, group: str) -> int:
        """How often the wanted number turned round."""
        return figures.changes_of_direction(look.desired for look in self.samples.get(group, []))

    @property
    def lost(self) -> int:
        """Runs without a result, or that had to begin again."""
        return sum(run.state != "succeeded" or run.attempts > 1 for run in self.runs)

    def boot_seconds(self) -> float:
        """From asking for runners to their first claim, on average."""
        looks = self.samples["runner"]
        asked = [
            now.at
            for before, now in itertools.pairwise(looks)
            for _ in range(max(0, now.desired - before.desired))
        ]
        lasted = [
            ready - at for at, ready in zip(asked, sorted(self.ready), strict=False) if ready > at
        ]
        return sum(lasted) / max(1, len(lasted))


@dataclass(frozen=True)
class MeasuredRun:
    """A run: when it was asked for, claimed and done."""

    asked: float
    claimed: float
    finished: float
    state: str
    attempts: int

    @property
    def wait(self) -> float:
        return self.claimed - self.asked


@dataclass(frozen=True)
class Look:
    """A sample of the scaler."""

    at: float
    desired: int
    running: int
    busy: int
    queued: int
    asked: float
    seconds: float
    needed: int


def read(
    database: str, notes: Path, log: Path, *, start: float, bounds: Bounds, period: float
) -> Measured:
    """From the platform's database and log, and Locust's notes."""
    transactions = Transactions(database)
    try:
        with transactions.read() as session:
            rows = list(session.scalars(select(Run).order_by(Run.created_at)))
            kept = list(session.scalars(select(ScalingSample).order_by(ScalingSample.at)))
    finally:
        transactions.close()

    def since(ms: int | None) -> float:
        return (ms or 0) / 1000 - start

    runs = [
        MeasuredRun(
            since(row.created_at),
            since(row.started_at or row.finished_at),
            since(row.finished_at),
            row.state,
            row.fence,
        )
        for row in rows
        if since(row.created_at) >= 0
    ]
    samples: dict[str, list[Look]] = {}
    for one in kept:
        needed = bounds.within(math.ceil(one.asked - 1e-9))
        look = Look(
            since(one.at),
            one.desired,
            one.running,
            one.busy,
            one.queued,
            one.asked,
            one.seconds,
            needed,
        )
        samples.setdefault(one.group_name, []).append(look)
    ready, retired, left_busy = _log(log.read_text(errors="replace"), start)
    return Measured(
        start, _requests(notes, start), runs, samples, ready, retired, left_busy, period
    )


def _requests(notes: Path, start: float) -> list[Request]:
    if not notes.exists():
        return []
    found = (json.loads(line) for line in notes.read_text().splitlines())
    return [Request(at - start, name, ms, good, users) for at, name, ms, good, users in found]


def _log(text: str, start: float) -> tuple[list[float], int, int]:
    """When runners were ready; how many left for good, and how many of these left a run behind."""
    ready, gone, busy = [], 0, 0
    working: dict[str, int] = {}
    """Runs in the hands of each runner that is ready; 0 once it said so on leaving."""
    for line in text.splitlines():
        name = line.split(" ", 1)[0]
        if found := _READY.match(line):
            ready.append(datetime.fromisoformat(found[2]).timestamp() - start)
            working[name] = 1
        elif found := _RETIRED.search(line):
            working[name] = int(found[1])
        elif found := _GONE.match(line):
            gone += 1
            busy += working.pop(found[1], 0) > 0
    return ready, gone, busy
