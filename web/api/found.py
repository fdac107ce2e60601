"""The rows that a request names, if the caller may know of them; else absent, whatever the reason."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.schema.accounts import Account
from shared.schema.runs import Run
from shared.schema.tools import Build, Tool, Version
from web import access
from web.refusals import Absent, Invalid

Viewer = Account | None


def tool(session: Session, viewer: Viewer, ref: str) -> Tool:
    """By id or name: the caller's own of that name first, else the only public one."""
    found = session.get(Tool, ref)
    if found is None:
        found = _by_name(session, viewer, ref)
    if found is None or not access.may_see_tool(viewer, found):
        raise Absent("There is no such tool.")
    return found


def _by_name(session: Session, viewer: Viewer, name: str) -> Tool | None:
    named = session.scalars(select(Tool).where(Tool.name == name, Tool.deleted_at.is_(None))).all()
    for candidate in named:
        if access.owns_tool(viewer, candidate):
            return candidate
    seen = [candidate for candidate in named if access.may_see_tool(viewer, candidate)]
    if len(seen) > 1:
        raise Invalid(
            f"{len(seen)} tools are called {name}. Use the id of the one you mean.",
            code="ambiguous",
            details={"ids": sorted(candidate.id for candidate in seen)},
        )
    return seen[0] if seen else None


def version(session: Session, found: Tool, number: int | None) -> Version:
    """The numbered version; without a number the newest ready one, else the newest."""
    versions = session.scalars(
        select(Version).where(Version.tool_id == found.id).order_by(Version.number.desc())
    ).all()
    if number is None:
        return next((v for v in versions if v.state == "ready"), versions[0])
    for candidate in versions:
        if candidate.number == number:
            return candidate
    raise Absent(f"{found.name} has no version {number}.")


def run(session: Session, viewer: Viewer, run_id: str) -> Run:
    found = session.get(Run, run_id)
    if found is None or not access.may_see_run(viewer, found):
        raise Absent("There is no such run.")
    return found


def build(session: Session, viewer: Viewer, build_id: str) -> tuple[Build, Version, Tool]:
    """With the version it makes and the tool that is of: seeing the tool is seeing its builds."""
    found = session.get(Build, build_id)
    if found is not None:
        made = session.get_one(Version, found.version_id)
        of = session.get_one(Tool, made.tool_id)
        if access.may_see_tool(viewer, of):
            return found, made, of
    raise Absent("There is no such build.")
