"""The rows that a request names, if the caller may know of them; else absent, whatever the reason."""

from sqlalchemy.orm import Session

from shared.schema.accounts import Account
from shared.schema.runs import Run
from shared.schema.tools import Build, Preview, Tool, Version
from web import access, references
from web.refusals import Absent

Viewer = Account | None


def tool(session: Session, viewer: Viewer, ref: str) -> Tool:
    """By id or name, see `web.references`."""
    return references.find_tool(session, viewer, ref)


def version(session: Session, found: Tool, wanted: int | str | None) -> Version:
    """By number, id or commit; without any the newest ready one, else the newest."""
    return references.version_of(session, found, None if wanted is None else str(wanted))


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


def preview(session: Session, viewer: Viewer, preview_id: str) -> Preview:
    found = session.get(Preview, preview_id)
    if found is None or not access.may_see_preview(viewer, found):
        raise Absent("There is no such preview. Previews are kept for a day.")
    return found
