"""What a worker reports while it holds a job: heartbeats, phases, and a job given back."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.db import now_ms
from shared.schema.runs import JobEvent, Run
from shared.schema.tools import Build, Tool, Version
from shared.work import PhaseReport, Release
from web import jobs, leases, texts
from web.finish import close_build
from web.jobs import Job
from web.leases import Hold
from web.refusals import Conflict, Invalid
from web.request_build import rebuild

IMAGE_GONE = "image gone"
"""A release whose reason begins so: the worker could not get the run's image."""

BACKOFF_MS = 5000


def report_phase(session: Session, held: Hold, report: PhaseReport) -> Job:
    """Note the phase and move to its state; raises `LeaseLost`.

    A phase that lies before the present state (a successor that begins again) is noted only.
    """
    states = jobs.STATE_OF_PHASE[held.kind]
    if report.phase not in states:
        raise Invalid(f"There is no phase {report.phase[:40]!r}; known are {', '.join(states)}.")
    job = leases.hold(session, held)
    detail = texts.one_line(report.detail, 500)
    state = states[report.phase]
    if state in jobs.NEXT[held.kind][job.state]:
        moved = jobs.transition(
            session, held.kind, held.id, state, *held.where(), event=report.phase, detail=detail
        )
        if moved is not None:
            return moved
    if not _is_last(session, job, report.phase, detail):
        jobs.record(session, job, report.phase, detail)
    return job


def _is_last(session: Session, job: Job, phase: str, detail: str) -> bool:
    """A report whose answer was lost is sent again; it shall not stand twice in the history."""
    last = session.scalars(
        select(JobEvent).where(JobEvent.job_id == job.id).order_by(JobEvent.seq.desc()).limit(1)
    ).one_or_none()
    return last is not None and (last.phase, last.detail, last.fence) == (phase, detail, job.fence)


def release(session: Session, held: Hold, given: Release) -> Job:
    """The worker gives the job back: it is queued again, or ends as `state_after_loss` says."""
    job = leases.hold(session, held)
    reason = texts.one_line(given.reason, 500)
    attempts = job.infra_attempts + (1 if given.costs_attempt else 0)
    to = leases.state_after_loss(
        cancel_requested=job.cancel_requested_at is not None, infra_attempts=attempts
    )
    if to == "queued" and isinstance(job, Run) and reason.startswith(IMAGE_GONE):
        version = session.get_one(Version, job.version_id)
        rebuild(session, session.get_one(Tool, version.tool_id), version)
        to = "waiting_build"
    why = leases.reason_after_loss(to)
    moved = jobs.transition(
        session,
        held.kind,
        held.id,
        to,
        *held.where(),
        detail=reason,
        infra_attempts=attempts,
        not_before=now_ms() + (BACKOFF_MS if given.costs_attempt else 0),
        reason=f"{why} The last time: {reason}" if to == "lost" and reason else why,
    )
    if moved is None:
        raise Conflict("The job has moved on.", code="lost")
    after_release(session, moved)
    return moved


def after_release(session: Session, job: Job) -> None:
    """What must follow when a job has left its worker without a result."""
    if job.state == "queued" and job.not_before <= jobs.clock(session):
        jobs.announce(session, job)
    if job.state in jobs.TERMINAL and isinstance(job, Build):
        close_build(session, job)
    jobs.announce_next(session, jobs.kind_of(job), job.account_id)
