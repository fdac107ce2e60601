"""Runs that wait for a build go on or end with it, in the build's own transaction."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.db import now_ms
from shared.plan import Network
from shared.schema.runs import Run
from shared.schema.tools import Version
from web import commands, jobs, networks
from web.refusals import Refused


def go_on(session: Session, version: Version) -> list[Run]:
    """The version is ready: its waiting runs are queued, or fail where it does not offer what they want."""
    return [_go_on(session, run, version) for run in _waiting(session, version)]


def fail(session: Session, version: Version, reason: str) -> list[Run]:
    """The version's build ended without an image: its waiting runs end with the reason."""
    runs = _waiting(session, version)
    for run in runs:
        jobs.transition(session, "run", run.id, "failed", reason=f"The build failed: {reason}")
    return runs


def _waiting(session: Session, version: Version) -> list[Run]:
    return list(
        session.scalars(
            select(Run)
            .where(Run.version_id == version.id, Run.state == "waiting_build")
            .order_by(Run.created_at, Run.id)
        )
    )


def _go_on(session: Session, run: Run, version: Version) -> Run:
    wanted = Network.model_validate(run.network) if run.network else None
    try:
        command = commands.choose(version, run.command or None).name
        network = networks.narrowed(wanted, networks.network_of(version))
    except Refused as refusal:
        jobs.transition(session, "run", run.id, "failed", reason=refusal.message)
        return run
    queued = jobs.transition(
        session,
        "run",
        run.id,
        "queued",
        command=command,
        network=network.model_dump(mode="json"),
        not_before=now_ms(),
    )
    if queued is not None:
        jobs.announce(session, queued)
    return run
