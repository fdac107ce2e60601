"""Somebody cancels a job: what waits ends at once, what runs is told to its worker."""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared.db import now_ms
from shared.schema.accounts import Account
from shared.schema.runs import Run
from shared.schema.tools import Build, Tool, Version
from shared.work import Kind
from web import access, jobs
from web.finish import close_build
from web.jobs import ACTIVE, TABLES, TERMINAL, WAITING, Job
from web.refusals import Absent, Forbidden

REASON = "It was cancelled."


def cancel_run(session: Session, account: Account, run: Run) -> Run:
    """The run, cancelled or about to be; one that has ended stays as it is."""
    if not access.may_see_run(account, run):
        raise Absent("There is no such run.")
    if not access.may_cancel_run(account, run):
        raise Forbidden("Only who started the run may cancel it.")
    job = _cancel(session, "run", run.id)
    assert isinstance(job, Run)
    return job


def cancel_build(session: Session, account: Account, build: Build) -> Build:
    """The build, cancelled or about to be; its version counts as failed then."""
    tool = session.scalars(
        select(Tool).join(Version, Version.tool_id == Tool.id).where(Version.id == build.version_id)
    ).one()
    if not access.may_see_tool(account, tool):
        raise Absent("There is no such build.")
    if not access.may_edit_tool(account, tool):
        raise Forbidden("Only the tool's owner may cancel its builds.")
    job = _cancel(session, "build", build.id)
    assert isinstance(job, Build)
    return job


def topics(job: Job) -> list[str]:
    """Whom to wake after the commit: readers of the job and, while it is held, its worker."""
    found = readers(job)
    return found if job.lease_owner is None else [*found, f"worker:{job.lease_owner}"]


def readers(job: Job) -> list[str]:
    """Whom to wake when its worker has told something new of it."""
    return [job.id, f"account:{job.account_id}"]


def _cancel(session: Session, kind: Kind, job_id: str) -> Job:
    table: Any = TABLES[kind]
    job: Job = session.scalars(
        select(table).where(table.id == job_id).with_for_update(key_share=True),
        execution_options={"populate_existing": True},
    ).one()
    if job.state in TERMINAL:
        return job
    if job.state in ACTIVE[kind]:
        session.execute(
            update(table)
            .where(table.id == job_id, table.cancel_requested_at.is_(None))
            .values(cancel_requested_at=now_ms())
            .execution_options(synchronize_session=False)
        )
        session.refresh(job)
        return job
    ended = jobs.transition(
        session,
        kind,
        job_id,
        "cancelled",
        table.state.in_(sorted(WAITING[kind])),
        cancel_requested_at=now_ms(),
        reason=REASON,
    )
    assert ended is not None  # the row is locked
    if isinstance(ended, Build):
        close_build(session, ended)
    return ended
