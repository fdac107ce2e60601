"""Puts right what silence leaves behind: expired leases, messages that got lost, runs that waited too long."""

import random
import threading
from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy import and_, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared import outbox
from shared.db import Transactions, now_ms
from shared.schema.runs import Run
from shared.schema.tools import Version
from shared.work import Kind
from web import jobs, leases, report, waiting_runs
from web.answering import Answering, Probe
from web.jobs import TABLES
from web.leases import LeaseTimes

log = structlog.get_logger()

_KINDS: tuple[Kind, ...] = ("run", "build", "preview")
_AT_ONCE = 100
_BACKOFF_MS = 5000


class Reaper:
    """One loop; any number of them may run, every write is a compare-and-set."""

    def __init__(
        self,
        transactions: Transactions,
        *,
        probe: Probe,
        ring: Callable[[str], None] = lambda name: None,
        times: LeaseTimes | None = None,
        period: float = 5.0,
        announce_after: float = 60.0,
    ) -> None:
        """`probe` asks whether web answers workers; `ring` wakes the relay after a commit."""
        self._transactions = transactions
        self._times = times or LeaseTimes()
        self.answering = Answering(probe, longest_gap_seconds=4 * period + 5)
        self._ring = ring
        self._period = period
        self._announce_after_ms = int(announce_after * 1000)
        self._stopping = threading.Event()

    def run(self) -> None:
        """Blocks until `stop`."""
        while not self._stopping.wait(self._period * random.uniform(0.8, 1.2)):  # noqa: S311
            try:
                self.tick()
            except SQLAlchemyError as error:
                self.answering.forget()
                log.warning("reaper_database_away", error=str(error))
            except Exception:
                log.exception("reaper_failed")

    def stop(self) -> None:
        self._stopping.set()

    def tick(self) -> int:
        """One round; how many jobs it moved or announced."""
        now = self._transactions.now_ms()
        self.answering.ask(now)
        done = self._heal_waiting() + self._announce_forgotten(now)
        if self.answering.lasted(now, self._times.lease_ms):
            done += self._end_expired()
        if done:
            self._ring(outbox.DOORBELL)
        return done

    def _end_expired(self) -> int:
        ended = 0
        for kind in _KINDS:
            table: Any = TABLES[kind]
            with self._transactions.read() as session:
                expired = session.execute(
                    select(table.id, table.fence)
                    .where(table.lease_owner.is_not(None), table.lease_until < now_ms())
                    .limit(_AT_ONCE)
                ).all()
            for job_id, fence in expired:
                with self._transactions.begin() as session:
                    ended += end_expired(session, kind, job_id, fence)
        return ended

    def _heal_waiting(self) -> int:
        """Their build's end moves them; this is for what a crash or an operator has left."""
        with self._transactions.read() as session:
            stuck = session.scalars(
                select(Run.version_id)
                .join(Version, Version.id == Run.version_id)
                .where(Run.state == "waiting_build", Version.state != "pending")
                .distinct()
                .limit(_AT_ONCE)
            ).all()
        for version_id in stuck:
            with self._transactions.begin() as session:
                version = session.scalars(
                    select(Version).where(Version.id == version_id).with_for_update(key_share=True)
                ).one()
                if version.state == "ready":
                    waiting_runs.go_on(session, version)
                elif version.state == "failed":
                    waiting_runs.fail(session, version, version.reason)
        return len(stuck)

    def _announce_forgotten(self, now: int) -> int:
        """Queued jobs that became due since they were last announced, or were not claimed for long."""
        announced = 0
        for kind in _KINDS:
            table: Any = TABLES[kind]
            forgotten = and_(
                table.state == "queued",
                table.not_before <= now,
                or_(
                    table.announced_at < table.not_before,
                    table.announced_at < now - self._announce_after_ms,
                ),
            )
            with self._transactions.read() as session:
                found = session.scalars(
                    select(table.id).where(forgotten).order_by(table.announced_at).limit(_AT_ONCE)
                ).all()
            if not found:
                continue
            with self._transactions.begin() as session:
                rows = session.scalars(
                    select(table)
                    .where(table.id.in_(found), forgotten)
                    .order_by(table.created_at, table.id)
                    .with_for_update(key_share=True, skip_locked=True)
                ).all()
                for job in rows:
                    jobs.announce(session, job)
                announced += len(rows)
        return announced


def end_expired(session: Session, kind: Kind, job_id: str, fence: int) -> int:
    """1 if the job's lease had expired under this fence and was ended, else 0."""
    table: Any = TABLES[kind]
    still = (table.fence == fence, table.lease_owner.is_not(None), table.lease_until < now_ms())
    job: jobs.Job | None = session.scalars(
        select(table).where(table.id == job_id, *still).with_for_update(key_share=True)
    ).one_or_none()
    if job is None:
        return 0
    attempts = job.infra_attempts + 1
    to = leases.state_after_loss(
        cancel_requested=job.cancel_requested_at is not None, infra_attempts=attempts
    )
    owner = job.lease_owner
    moved = jobs.transition(
        session,
        kind,
        job_id,
        to,
        *still,
        detail="" if to in jobs.TERMINAL else "The worker was lost; it starts again.",
        infra_attempts=attempts,
        not_before=now_ms() + (0 if attempts == 1 else _BACKOFF_MS),
        reason=leases.reason_after_loss(to),
    )
    if moved is None:
        return 0
    log.warning("lease_expired", kind=kind, job=job_id, worker=owner, attempts=attempts, to=to)
    report.after_release(session, moved)
    return 1
