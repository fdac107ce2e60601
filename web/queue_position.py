"""How many wait before a job, and how long that may take; an estimate, never a promise."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from web import jobs
from web.jobs import Job

_LOOKED_AT = 20
"""Finished jobs that the mean is taken over."""


@dataclass(frozen=True)
class Place:
    """Position 1 is next; `expected_seconds` is None where nothing is known yet."""

    position: int
    expected_seconds: float | None


def expected_seconds(position: int, active: int, mean: float | None) -> float | None:
    """Until the job starts, when `active` jobs of `mean` seconds are worked on side by side."""
    return None if mean is None else round(position * mean / max(1, active), 1)


def place(session: Session, job: Job) -> Place | None:
    """Where a queued job stands; None for any other."""
    if job.state != "queued":
        return None
    table: Any = type(job)
    kind = jobs.kind_of(job)
    before = session.scalar(
        select(func.count())
        .select_from(table)
        .where(
            table.state == "queued",
            or_(
                table.created_at < job.created_at,
                (table.created_at == job.created_at) & (table.id < job.id),
            ),
        )
    )
    active = session.scalar(
        select(func.count()).select_from(table).where(table.state.in_(sorted(jobs.ACTIVE[kind])))
    )
    recent = (
        select((table.finished_at - table.started_at).label("ms"))
        .where(table.finished_at.is_not(None), table.started_at.is_not(None))
        .order_by(table.finished_at.desc())
        .limit(_LOOKED_AT)
        .subquery()
    )
    mean = session.scalar(select(func.avg(recent.c.ms)))
    position = int(before or 0) + 1
    return Place(
        position,
        expected_seconds(position, int(active or 0), None if mean is None else float(mean) / 1000),
    )
