"""What people call a tool: its id, its name, or `owner@example.org/name`, each with `@VERSION` if wanted."""

import re

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from shared.schema.accounts import Account
from shared.schema.tools import Tool, Version
from web import access
from web.access import Viewer
from web.refusals import Absent, Conflict


def find_tool(session: Session, viewer: Viewer, reference: str) -> Tool:
    """The tool that `reference` (without a version) names to this viewer; raises `Absent` or `Conflict`."""
    reference = reference.strip()
    tool = session.get(Tool, reference)
    if tool is None and "/" in reference:
        email, _, name = reference.rpartition("/")
        tool = session.scalars(
            select(Tool)
            .join(Account, Account.id == Tool.account_id)
            .where(Account.email == email.lower(), Tool.name == name)
        ).one_or_none()
    elif tool is None:
        tool = _by_name(session, viewer, reference)
    if tool is None or not access.may_see_tool(viewer, tool):
        raise Absent(f"There is no tool {reference[:100]!r}, or it is private.")
    return tool


def split(reference: str) -> tuple[str, str | None]:
    """Tool and version; an `@` before the last slash belongs to the owner's address."""
    owner, slash, last = reference.strip().rpartition("/")
    name, at, version = last.partition("@")
    return owner + slash + name, version if at else None


def version_of(session: Session, tool: Tool, wanted: str | None) -> Version:
    """By number (`3` or `v3`), id or beginning of the commit; raises `Absent`."""
    of_tool = select(Version).where(Version.tool_id == tool.id).order_by(Version.number.desc())
    found: Version | None = None
    if not wanted:
        found = session.scalars(of_tool.where(Version.state == "ready").limit(1)).one_or_none()
        found = found or session.scalars(of_tool.limit(1)).one_or_none()
    else:
        wanted = wanted.strip()
        if re.fullmatch(r"v?[0-9]{1,9}", wanted):
            number = int(wanted.removeprefix("v"))
            found = session.scalars(of_tool.where(Version.number == number)).one_or_none()
        if found is None:
            found = session.scalars(of_tool.where(Version.id == wanted)).one_or_none()
        if found is None and re.fullmatch(r"[0-9a-f]{4,64}", wanted.lower()):
            commit = Version.commit.startswith(wanted.lower(), autoescape=True)
            found = session.scalars(of_tool.where(commit).limit(1)).one_or_none()
    if found is None:
        raise Absent(
            f"{tool.name} has no version {(wanted or '')[:100]}. "
            "Give a number like 2, or the beginning of a commit."
        )
    return found


def _by_name(session: Session, viewer: Viewer, name: str) -> Tool | None:
    if viewer is not None:
        own = session.scalars(
            select(Tool).where(
                Tool.account_id == viewer.id, Tool.name == name, Tool.deleted_at.is_(None)
            )
        ).one_or_none()
        if own is not None:
            return own
    ready = exists().where(Version.tool_id == Tool.id, Version.state == "ready")
    public = session.scalars(
        select(Tool)
        .where(Tool.name == name, Tool.private.is_(False), Tool.deleted_at.is_(None), ready)
        .order_by(Tool.created_at)
        .limit(6)
    ).all()
    if len(public) > 1:
        ids = ", ".join(
            tool.id for tool in public[:5]
        )  # not the owners' addresses: anybody may ask
        raise Conflict(
            f"Several people have a tool called {name}. Name one by its id: {ids}.",
            code="ambiguous",
        )
    return public[0] if public else None
