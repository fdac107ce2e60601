"""How much waits for workers and how much they carry, as the database has it."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared import scaling
from shared.scaling import Backlog
from shared.schema.accounts import Account
from shared.work import Kind
from web import jobs
from web.limits import Plans, limits_of


@dataclass(frozen=True)
class Work:
    """One kind of job that a group of workers carries."""

    kind: Kind
    slots: int
    prior_seconds: float
    """How long one takes, until some have ended."""


@dataclass(frozen=True)
class Measured:
    """What was found, and what the policy is told of it."""

    backlog: Backlog
    queued: int
    active: int
    holders: frozenset[str]
    """Owners of leases: these workers are busy."""
    oldest_seconds: float
    """Since when the first that could start waits."""


def measure(session: Session, work: Work, plans: Plans, target_wait: float) -> Measured:
    """One kind of job, now."""
    table: Any = jobs.TABLES[work.kind]
    now = jobs.clock(session)
    active = session.execute(
        select(table.account_id, table.lease_owner, table.started_at)
        .where(table.state.in_(sorted(jobs.ACTIVE[work.kind])), table.lease_owner.is_not(None))
        .order_by(table.started_at)
    ).all()
    ended = session.scalars(
        select(table.finished_at - table.started_at)
        .where(table.finished_at.is_not(None), table.started_at.is_not(None))
        .order_by(table.finished_at.desc())
        .limit(scaling.LOOKED_AT)
    ).all()
    mean = scaling.mean_seconds(
        [max(0, ms) / 1000 for ms in ended],
        [max(0, now - row.started_at) / 1000 for row in active[: scaling.LOOKED_AT]],
        work.prior_seconds,
    )
    carried = Counter(row.account_id for row in active)
    waiting = session.execute(
        select(table.account_id, Account.plan, func.count())
        .join(Account, Account.id == table.account_id)
        .where(table.state == "queued", table.not_before <= now)
        .group_by(table.account_id, Account.plan)
    ).all()
    startable = sum(
        scaling.startable(
            count,
            carried[account],
            _most(work.kind, plan, plans),
            mean_seconds=mean,
            target_wait=target_wait,
        )
        for account, plan, count in waiting
    )
    oldest = session.scalar(
        select(func.min(table.created_at)).where(
            table.state == "queued", table.not_before <= now, table.put_away.is_(False)
        )
    )
    return Measured(
        Backlog(startable, len(active), mean, work.slots),
        queued=sum(count for _, _, count in waiting),
        active=len(active),
        holders=frozenset(row.lease_owner for row in active),
        oldest_seconds=0.0 if oldest is None else max(0, now - oldest) / 1000,
    )


def _most(kind: Kind, plan: str, plans: Plans) -> int:
    limits = limits_of(plan, plans)
    return {"run": limits.running, "build": limits.building, "preview": limits.previewing}[kind]
