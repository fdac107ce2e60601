"""Fenced leases (DESIGN 3.2): who holds a job, compared by the database's clock only."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, bindparam, select, update
from sqlalchemy.orm import Session

from shared.db import now_ms
from shared.ids import digest, new_id
from shared.work import Directive, Kind
from web import jobs
from web.jobs import ACTIVE, TABLES, TERMINAL, Job

MAX_INFRA_ATTEMPTS = 3
"""A job whose worker was lost so often is not tried again."""


@dataclass(frozen=True)
class LeaseTimes:
    """How long a lease holds without a heartbeat, and how often workers renew it."""

    lease_seconds: float = 45.0
    heartbeat_seconds: float = 10.0

    @property
    def lease_ms(self) -> int:
        return int(self.lease_seconds * 1000)


@dataclass(frozen=True)
class Hold:
    """A worker's claim to be the holder of a job; true only while `where` matches the row."""

    kind: Kind
    id: str
    fence: int
    token: str

    def where(self) -> tuple[ColumnElement[bool], ...]:
        """The fence: every write of a worker carries these conditions."""
        return _fence(self.kind, self.id, self.fence, digest(self.token))


class LeaseLost(Exception):
    """The job is no longer held under this fence and token."""


def _fence(kind: Kind, id: Any, fence: Any, token_digest: Any) -> tuple[ColumnElement[bool], ...]:
    table: Any = TABLES[kind]
    return (
        table.id == id,
        table.fence == fence,
        table.token_digest == token_digest,
        table.lease_owner.is_not(None),
        table.state.in_(sorted(ACTIVE[kind])),
    )


_HELD = {  # asked several times for each report: put together once
    kind: select(table).where(
        *_fence(kind, bindparam("id"), bindparam("fence"), bindparam("token_digest"))
    )
    for kind, table in TABLES.items()
}
_LOCKED = {kind: query.with_for_update(key_share=True) for kind, query in _HELD.items()}


def claim(
    session: Session, kind: Kind, job_id: str, worker: str, token: str, times: LeaseTimes
) -> Job | None:
    """The job under a new lease of `worker`, or None: taken, ended, unknown or not yet due."""
    table: Any = TABLES[kind]
    return jobs.transition(
        session,
        kind,
        job_id,
        "leased",
        table.not_before <= now_ms(),
        table.cancel_requested_at.is_(None),
        detail=worker,
        fence=table.fence + 1,
        attempt=new_id("att"),
        token_digest=digest(token),
        lease_owner=worker,
        lease_until=now_ms() + times.lease_ms,
        started_at=now_ms(),
        reason="",
    )


def hold(session: Session, held: Hold, *, lock: bool = True) -> Job:
    """The job, locked to the end of the transaction; raises `LeaseLost`."""
    query: Any = (_LOCKED if lock else _HELD)[held.kind]
    job: Job | None = session.scalars(
        query, {"id": held.id, "fence": held.fence, "token_digest": digest(held.token)}
    ).one_or_none()
    if job is None:
        raise LeaseLost(held.id)
    return job


def heartbeat(session: Session, held: Hold, times: LeaseTimes) -> Directive:
    """Renewal and directive in one statement."""
    table: Any = TABLES[held.kind]
    row = session.execute(
        update(table)
        .where(*held.where())
        .values(lease_until=now_ms() + times.lease_ms)
        .returning(table.cancel_requested_at)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if row is None:
        return Directive(directive="lost")
    return Directive(directive="continue" if row[0] is None else "cancel")


def has_finished(session: Session, held: Hold) -> bool:
    """Whether this very attempt has brought the job to its end: its report's answer was lost."""
    table: Any = TABLES[held.kind]
    return (
        session.execute(
            select(table.id).where(
                table.id == held.id,
                table.result_fence == held.fence,
                table.token_digest == digest(held.token),
                table.state.in_(sorted(TERMINAL)),
            )
        ).first()
        is not None
    )


def hold_unless_finished(session: Session, held: Hold, *, lock: bool = True) -> Job | None:
    """As `hold`, but None where this very attempt has ended the job before."""
    try:
        return hold(session, held, lock=lock)
    except LeaseLost:
        if has_finished(session, held):
            return None
        raise


def state_after_loss(*, cancel_requested: bool, infra_attempts: int) -> str:
    """Where a job goes whose worker is gone; `infra_attempts` counts this loss."""
    if cancel_requested:
        return "cancelled"
    return "lost" if infra_attempts >= MAX_INFRA_ATTEMPTS else "queued"


def reason_after_loss(state: str) -> str:
    """The sentence beside that state."""
    return {
        "cancelled": "It was cancelled.",
        "lost": f"The worker that ran it was lost {MAX_INFRA_ATTEMPTS} times; it was not tried again.",
    }.get(state, "")
