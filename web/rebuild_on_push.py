"""A signed push to the branch that a tool follows makes a new version of it."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.ids import new_secret
from shared.schema.accounts import Account
from shared.schema.tools import Tool, Version
from web import jobs
from web.add_tool import Added, next_version, source_of
from web.limits import PLANS, Plans
from web.owners import check_owner
from web.pushes import Push, concerns
from web.request_build import request_build, unfinished_build
from web.seals import Seals


@dataclass(frozen=True)
class Answer:
    """What a push led to, in one sentence for the Git host's log of deliveries."""

    sentence: str
    added: Added | None = None


def open_hook(session: Session, seals: Seals, account: Account, tool: Tool) -> str:
    """A new secret for the tool's webhook, shown this once; an earlier one is void."""
    check_owner(account, tool)
    secret = new_secret("hook")
    tool.webhook_secret = seals.seal(secret, _purpose(tool.id))
    session.flush()
    return secret


def close_hook(session: Session, account: Account, tool: Tool) -> None:
    """Pushes are not listened to any more."""
    check_owner(account, tool)
    tool.webhook_secret = None
    session.flush()


def secret_of(seals: Seals, tool: Tool | None) -> str | None:
    """The secret that pushes must be signed with, None where no push is expected."""
    if tool is None or tool.deleted_at is not None or tool.webhook_secret is None:
        return None
    return seals.open(tool.webhook_secret, _purpose(tool.id))


def on_push(session: Session, tool: Tool, push: Push, plans: Plans = PLANS) -> Answer:
    """The new version and its build, or why there is none; raises `TooMany`."""
    account = jobs.lock_account(session, tool.account_id)
    versions = session.scalars(
        select(Version).where(Version.tool_id == tool.id).order_by(Version.number.desc())
    ).all()
    newest = versions[0]
    if not concerns(push, newest.ref):
        followed = newest.ref or push.default_branch or "the default branch"
        return Answer(f"Nothing to do: this tool follows {followed}.")
    if _is_known(push.commit, newest, versions):
        return Answer("Nothing to do: this commit has a version already.")
    waiting = unfinished_build(session, newest)
    if waiting is not None and waiting.state == "queued":
        return Answer("A build is waiting and will take the newest commit.")
    made = next_version(session, tool, newest)
    made.commit = push.commit
    added = Added(tool, made, request_build(session, account, made, plans))
    return Answer(f"Version {made.number} is being built.", added)


def _is_known(commit: str, newest: Version, versions: Collection[Version]) -> bool:
    same = [one for one in versions if source_of(one) == source_of(newest)]
    return any(one.commit == commit and one.state != "failed" for one in same)


def _purpose(tool_id: str) -> str:
    return f"webhook:{tool_id}"
