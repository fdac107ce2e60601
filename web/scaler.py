"""Looks at the backlog again and again and asks for as many workers as `shared/scaling.py` decides."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from shared import scaling
from shared.db import Transactions, now_ms
from shared.scaling import Group, WebGroup, WebLoad, WebMemory
from shared.schema.scaling import ScalingSample
from web.backlog import Measured, Work, measure
from web.limits import PLANS, Plans
from web.worker_groups import GroupsUnreachable, Standing, WorkerGroups

log = structlog.get_logger()

_AT_LEAST_MS = 60_000
"""A sample is written so often although nothing changes."""
_SMALL = 0.05


@dataclass(frozen=True)
class ScaledWorkers:
    """A group of workers and the jobs it carries."""

    name: str
    group: Group
    work: Sequence[Work]


@dataclass(frozen=True)
class ScaledWeb:
    """The web servers of this machine; `load` tells what they were asked since it was called last."""

    group: WebGroup
    load: Callable[[], WebLoad]


class Scaler:
    """One loop; a failed look changes nothing, the next one comes soon."""

    def __init__(
        self,
        transactions: Transactions,
        groups: WorkerGroups,
        workers: Sequence[ScaledWorkers],
        *,
        web: ScaledWeb | None = None,
        plans: Plans = PLANS,
        period: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transactions = transactions
        self._groups = groups
        self._workers = list(workers)
        self._web = web
        self._plans = plans
        self._period = min(period, scaling.LONGEST_PERIOD)
        self._clock = clock
        self._memory: dict[str, scaling.Memory] = {}
        self._web_memory = WebMemory()
        self._last: dict[str, ScalingSample] = {}
        self._desired: dict[str, int] = {}
        self._stopping = threading.Event()

    def run(self) -> None:
        """Blocks until `stop`."""
        while not self._stopping.is_set():
            self.look()
            self._stopping.wait(self._period)

    def stop(self) -> None:
        self._stopping.set()

    def look(self) -> None:
        """One evaluation of every group; what goes wrong with one leaves the others alone."""
        parts: list[Callable[[], None]] = [partial(self._look_at, one) for one in self._workers]
        if self._web is not None:
            parts.append(self._look_at_web)
        for part in parts:
            try:
                part()
            except SQLAlchemyError as error:
                log.warning("scaler_database_away", error=str(error))
            except GroupsUnreachable as error:
                log.warning("worker_groups_away", reason=str(error))
            except Exception:
                log.exception("scaler_failed")

    def _look_at(self, one: ScaledWorkers) -> None:
        standing = self._groups.standing(one.name)
        with self._transactions.read() as session:
            found = [
                measure(session, work, self._plans, one.group.target_wait) for work in one.work
            ]
        holders = frozenset().union(*(m.holders for m in found))
        decision = scaling.decide(
            one.group,
            [m.backlog for m in found],
            busy=len(holders),
            present=standing.running,
            now=self._clock(),
            memory=self._memory.get(one.name, ()),
        )
        self._memory[one.name] = decision.memory
        desired = decision.desired
        if standing.trouble:
            desired = min(desired, standing.running)
        self._ask(one.name, desired, standing, holders)
        asked = sum(m.backlog.workers(one.group.target_wait) for m in found)
        self._note(one.name, desired, standing, found, busy=len(holders), asked=asked)

    def _look_at_web(self) -> None:
        assert self._web is not None
        standing = self._groups.standing("web")
        load = self._web.load()
        before = self._desired.get("web", max(1, standing.running))
        desired, self._web_memory = scaling.decide_web(
            self._web.group, load, present=before, now=self._clock(), memory=self._web_memory
        )
        self._ask("web", desired, standing, frozenset())
        self._write(
            ScalingSample(
                group_name="web",
                desired=desired,
                running=standing.running,
                busy=standing.running,
                queued=0,
                active=0,
                asked=round(load.requests_per_minute, 1),
                seconds=load.response_seconds,
                note="",
            )
        )

    def _ask(self, name: str, desired: int, standing: Standing, holders: frozenset[str]) -> None:
        if self._desired.get(name) != desired:
            log.info(
                "group_scaled",
                group=name,
                desired=desired,
                running=standing.running,
                busy=len(holders),
                trouble=standing.trouble,
            )
        # Always: who may be ended, and who is done, changes although the number does not.
        self._groups.follow(name, desired, holders)
        self._desired[name] = desired

    def _note(
        self,
        name: str,
        desired: int,
        standing: Standing,
        found: Sequence[Measured],
        *,
        busy: int,
        asked: float,
    ) -> None:
        self._write(
            ScalingSample(
                group_name=name,
                desired=desired,
                running=standing.running,
                busy=busy,
                queued=sum(m.queued for m in found),
                active=sum(m.active for m in found),
                asked=round(asked, 3),
                seconds=round(max(m.oldest_seconds for m in found), 3),
                note=standing.trouble,
            )
        )

    def _write(self, sample: ScalingSample) -> None:
        now = self._transactions.now_ms()
        last = self._last.get(sample.group_name)
        if last is not None and now - last.at < _AT_LEAST_MS and not _differs(last, sample):
            return
        with self._transactions.begin() as session:
            newest = session.scalar(
                select(func.max(ScalingSample.at)).where(
                    ScalingSample.group_name == sample.group_name
                )
            )
            sample.at = max(int(session.execute(select(now_ms())).scalar_one()), (newest or 0) + 1)
            session.add(sample)
        self._last[sample.group_name] = sample


def _differs(one: ScalingSample, other: ScalingSample) -> bool:
    counts = ("desired", "running", "busy", "queued", "active", "note")
    return any(getattr(one, name) != getattr(other, name) for name in counts) or any(
        abs(getattr(one, name) - getattr(other, name)) > _SMALL for name in ("asked", "seconds")
    )
