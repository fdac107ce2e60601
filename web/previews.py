"""A look at a repository before anything is built: asked for, given to a builder, ended."""

from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.ids import new_id
from shared.schema.accounts import Account
from shared.schema.tools import Preview, Tool
from shared.work import PreviewReport
from web import jobs, leases, preview_states, texts
from web.add_tool import Source, check_source
from web.leases import Hold
from web.limits import PLANS, Plans, limits_of
from web.refusals import Invalid, TooMany

_UNFINISHED = sorted(preview_states.WAITING | preview_states.ACTIVE)


def request_preview(
    session: Session,
    account: Account,
    source: Source,
    *,
    tool_id: str | None = None,
    allowed_hosts: Collection[str] = (),
    plans: Plans = PLANS,
) -> Preview:
    """A queued look at the source; with `tool_id` only at its newest commit. Raises `Invalid`, `TooMany`."""
    source, _ = check_source(source, allowed_hosts)
    jobs.lock_account(session, account.id)
    most = limits_of(account.plan, plans).queued_previews
    waiting = session.scalar(
        select(func.count())
        .select_from(Preview)
        .where(Preview.account_id == account.id, Preview.state.in_(_UNFINISHED))
    )
    if (waiting or 0) >= most:
        raise TooMany(
            f"{waiting} repositories are being looked at for you; at most {most} at once are "
            "possible. Try again in a few seconds, or build without looking first.",
            retry_after=5,
        )
    now = jobs.clock(session)
    preview = Preview(
        id=new_id("prv"),
        account_id=account.id,
        tool_id=tool_id,
        link=source.link,
        ref=source.ref,
        folder=source.folder,
        runtime=source.runtime,
        command=source.command,
        overrides=source.overrides,
        description="",
        state="queued",
        not_before=now,
        created_at=now,
    )
    session.add(preview)
    session.flush()
    jobs.record(session, preview, "queued")
    jobs.announce(session, preview)
    return preview


def finish_preview(session: Session, held: Hold, report: PreviewReport) -> Preview | None:
    """The preview's terminal state; None where this very report was committed before. Raises `LeaseLost`."""
    if report.state == "succeeded" and not (
        report.commit and (report.plan or _commit_only(session, held))
    ):
        raise Invalid("A preview that succeeded names a commit and a plan.")
    if leases.hold_unless_finished(session, held) is None:
        return None
    plan = report.plan.model_dump(mode="json") if report.plan is not None else None
    ended = jobs.transition(
        session,
        "preview",
        held.id,
        report.state,
        *held.where(),
        result_fence=held.fence,
        reason=texts.kept(report.reason, 2000),
        commit=report.commit,
        plan=plan,
        description=texts.one_line(report.description, 500),
    )
    if not isinstance(ended, Preview):
        raise leases.LeaseLost(held.id)
    if ended.tool_id is not None and ended.commit is not None:
        tool = session.get_one(Tool, ended.tool_id)
        tool.newest_commit, tool.newest_checked_at = ended.commit, jobs.clock(session)
    jobs.announce_next(session, "preview", ended.account_id)
    return ended


def _commit_only(session: Session, held: Hold) -> bool:
    found = session.get(Preview, held.id)
    return found is not None and found.tool_id is not None
