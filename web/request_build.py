"""A build of a version is asked for; a version has one unfinished build at most."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.ids import new_id
from shared.schema.accounts import Account
from shared.schema.tools import Build, Tool, Version
from web import build_states, jobs
from web.limits import PLANS, Plans, limits_of
from web.refusals import TooMany

_UNFINISHED = sorted(build_states.WAITING | build_states.ACTIVE)


def request_build(
    session: Session, account: Account, version: Version, plans: Plans = PLANS
) -> Build:
    """The unfinished build of this version, or a new one; raises `TooMany`."""
    jobs.lock_account(session, account.id)  # before the version, as `request_run` does
    session.execute(
        select(Version.id).where(Version.id == version.id).with_for_update(key_share=True)
    )
    found = unfinished_build(session, version)
    if found is not None:
        return found
    most = limits_of(account.plan, plans).queued_builds
    waiting = session.scalar(
        select(func.count())
        .select_from(Build)
        .where(Build.account_id == account.id, Build.state.in_(_UNFINISHED))
    )
    if (waiting or 0) >= most:
        raise TooMany(
            f"You have {waiting} unfinished builds; at most {most} are possible. "
            "Try again when some have finished.",
            retry_after=60,
        )
    return _queue(session, account.id, version)


def rebuild(session: Session, tool: Tool, version: Version) -> Build:
    """Build a known version again, for its owner, from the very source it had; its runs wait until then."""
    session.execute(
        select(Version.id).where(Version.id == version.id).with_for_update(key_share=True)
    )
    found = unfinished_build(session, version)
    if found is not None:
        return found
    build = _queue(session, tool.account_id, version)
    build.from_snapshot = version.source_key is not None and version.commit is not None
    session.flush()
    return build


def unfinished_build(session: Session, version: Version) -> Build | None:
    """The build of this version that waits or is in work."""
    return session.scalars(
        select(Build).where(Build.version_id == version.id, Build.state.in_(_UNFINISHED)).limit(1)
    ).one_or_none()


def _queue(session: Session, account_id: str, version: Version) -> Build:
    now = jobs.clock(session)
    build = Build(
        id=new_id("bld"),
        version_id=version.id,
        account_id=account_id,
        state="queued",
        not_before=now,
        created_at=now,
    )
    session.add(build)
    version.state = "pending"
    version.reason = ""
    session.flush()
    jobs.record(session, build, "queued")
    jobs.announce(session, build)
    return build
