"""Runs, builds and previews as jobs: one way to change a state, with the history row beside it."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from shared import outbox
from shared.db import now_ms
from shared.events import (
    BuildFinished,
    BuildRequested,
    PreviewRequested,
    RunFinished,
    RunRequested,
)
from shared.schema.accounts import Account
from shared.schema.runs import JobEvent, Run
from shared.schema.tools import Build, Preview
from shared.work import Kind
from web import build_states, preview_states, run_states

Job = Run | Build | Preview

TABLES: dict[Kind, type[Run] | type[Build] | type[Preview]] = {
    "run": Run,
    "build": Build,
    "preview": Preview,
}
KINDS: dict[type[Job], Kind] = {Run: "run", Build: "build", Preview: "preview"}
_STATES = {"run": run_states, "build": build_states, "preview": preview_states}
NEXT = {kind: states.NEXT for kind, states in _STATES.items()}
WAITING = {kind: states.WAITING for kind, states in _STATES.items()}
ACTIVE = {kind: states.ACTIVE for kind, states in _STATES.items()}
TERMINAL = run_states.TERMINAL
STATE_OF_PHASE = {kind: states.STATE_OF_PHASE for kind, states in _STATES.items()}

_EVENTS: Any = JobEvent.__table__
# Several of these in each request of a short run: putting them together costs more than running them.
_ACCOUNT = select(Account).where(Account.id == bindparam("id")).with_for_update(key_share=True)
_RECORD = insert(_EVENTS).values(
    job_id=bindparam("of"),
    seq=select(func.coalesce(func.max(_EVENTS.c.seq), 0) + 1)
    .where(_EVENTS.c.job_id == bindparam("of"))
    .scalar_subquery(),
    at=now_ms() - bindparam("ago_ms", type_=BigInteger()),
)

_PUT_AWAY: dict[Kind, Any] = {
    kind: select(table)
    .where(
        table.account_id == bindparam("account"),
        table.state == "queued",
        table.put_away.is_(True),
        table.not_before <= now_ms(),
    )
    .order_by(table.created_at, table.id)
    .limit(bindparam("most"))
    for kind, table in TABLES.items()
}


def kind_of(job: Job) -> Kind:
    return KINDS[type(job)]


def prefix(job: Job) -> str:
    """Begins the keys of the objects of the job's current attempt."""
    return f"{kind_of(job)}s/{job.id}/{job.attempt}/"


def find(session: Session, kind: Kind, job_id: str) -> Job | None:
    """The job's row."""
    table: type[Any] = TABLES[kind]
    job: Job | None = session.get(table, job_id)
    return job


def clock(session: Session) -> int:
    """The database's clock, milliseconds since 1970 UTC."""
    return int(session.execute(select(now_ms())).scalar_one())


def lock_account(session: Session, account_id: str) -> Account:
    """The account's row, held to the end of the transaction: what is counted below it stays counted."""
    return session.scalars(_ACCOUNT, {"id": account_id}).one()


def transition(
    session: Session,
    kind: Kind,
    job_id: str,
    to: str,
    *conditions: ColumnElement[bool],
    event: str = "",
    detail: str = "",
    **values: Any,
) -> Job | None:
    """Compare-and-set: the job in its new state, or None where its state or a condition forbids it.

    The history gets a row called `event`, by default the state itself. A terminal state also
    ends the lease and announces the end.
    """
    table: Any = TABLES[kind]
    before = sorted(state for state, following in NEXT[kind].items() if to in following)
    if to in TERMINAL:
        values = {"finished_at": now_ms(), **values}
    if to not in ACTIVE[kind]:
        values = {"lease_owner": None, "lease_until": None, **values}
    job: Job | None = session.scalars(
        update(table)
        .where(table.id == job_id, table.state.in_(before), *conditions)
        .values(state=to, **values)
        .returning(table),
        execution_options={"synchronize_session": False, "populate_existing": True},
    ).one_or_none()
    if job is None:
        return None
    record(session, job, event or to, detail or job.reason if to in TERMINAL else detail)
    if to in TERMINAL:
        _announce_end(session, job)
    return job


def record(session: Session, job: Job, phase: str, detail: str = "", *, ago_ms: int = 0) -> None:
    """One row of the job's history; call it while the job's row is locked by this transaction."""
    session.execute(
        _RECORD,
        {
            "of": job.id,
            "phase": phase,
            "detail": detail[:2000],
            "terminal": phase in TERMINAL,
            "fence": job.fence,
            "ago_ms": ago_ms,
        },
    )


def announce(session: Session, job: Job) -> None:
    """Ring for a queued job that can be claimed now."""
    table: Any = type(job)
    at = session.execute(
        update(table)
        .where(table.id == job.id)
        .values(announced_at=now_ms(), put_away=False)
        .returning(table.announced_at)
        .execution_options(synchronize_session=False)
    ).scalar_one()
    announce_at(session, job, at)


def announce_at(session: Session, job: Job, at: int) -> None:
    """As `announce`, for a row that says itself since when it is announced."""
    if isinstance(job, Run):
        outbox.announce(session, RunRequested, at=at, trace=job.trace, run_id=job.id)
    elif isinstance(job, Build):
        outbox.announce(session, BuildRequested, at=at, trace=job.trace, build_id=job.id)
    else:
        outbox.announce(session, PreviewRequested, at=at, trace=job.trace, preview_id=job.id)


def put_away(session: Session, job: Job) -> None:
    """Its message is spent although it stays queued; call it while its account is locked."""
    table: Any = type(job)
    session.execute(
        update(table)
        .where(table.id == job.id)
        .values(put_away=True)
        .execution_options(synchronize_session=False)
    )


def announce_next(session: Session, kind: Kind, account_id: str, n: int = 2) -> int:
    """Ring for the oldest jobs of the account that were put away: a place has become free; how many."""
    lock_account(session, account_id)  # whoever puts one away now has seen that place, or we see it
    waiting = session.scalars(_PUT_AWAY[kind], {"account": account_id, "most": n}).all()
    for job in waiting:
        announce(session, job)
    return len(waiting)


def _announce_end(session: Session, job: Job) -> None:
    if isinstance(job, Run):
        outbox.announce(session, RunFinished, at=job.finished_at, run_id=job.id)
    elif isinstance(job, Build):
        outbox.announce(session, BuildFinished, at=job.finished_at, build_id=job.id)
