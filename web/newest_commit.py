"""Is there a newer commit than the newest version's? Asked of the Git host by a builder, noted with the tool."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.schema.accounts import Account
from shared.schema.tools import Preview, Tool, Version
from web import jobs
from web.add_tool import Added, Source, next_version
from web.limits import PLANS, Plans
from web.owners import check_owner
from web.previews import request_preview
from web.request_build import request_build


def ask(
    session: Session,
    account: Account,
    tool: Tool,
    *,
    allowed_hosts: Collection[str] = (),
    plans: Plans = PLANS,
) -> Preview:
    """The look that will tell; raises `Absent`, `Forbidden` or `TooMany`."""
    check_owner(account, tool)
    version = newest_version(session, tool)
    source = Source(version.link, version.ref, version.folder)
    return request_preview(
        session, account, source, tool_id=tool.id, allowed_hosts=allowed_hosts, plans=plans
    )


def build_newest(session: Session, account: Account, tool: Tool, plans: Plans = PLANS) -> Added:
    """A new version of what the branch or tag holds now; raises `Absent`, `Forbidden` or `TooMany`."""
    check_owner(account, tool)
    jobs.lock_account(session, tool.account_id)
    made = next_version(session, tool, newest_version(session, tool))
    return Added(tool, made, request_build(session, account, made, plans))


def is_behind(tool: Tool, newest: Version) -> bool:
    """Whether the branch or tag has moved on since the newest version was cloned, as far as is known."""
    known = tool.newest_commit is not None and tool.newest_checked_at is not None
    if not known or newest.commit is None or newest.state == "pending":
        return False
    later = newest.ready_at is None or (tool.newest_checked_at or 0) > newest.ready_at
    return later and tool.newest_commit != newest.commit


def newest_version(session: Session, tool: Tool) -> Version:
    """The version with the highest number, ready or not."""
    return session.scalars(
        select(Version).where(Version.tool_id == tool.id).order_by(Version.number.desc()).limit(1)
    ).one()
