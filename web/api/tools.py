"""Tools and their versions."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field
from sqlalchemy import Select, and_, exists, or_, select
from sqlalchemy.orm import Session

from shared.schema.accounts import Account
from shared.schema.tools import Tool, Version
from web import auth, edit_tool, tool_forms
from web.add_tool import NewTool as Wanted
from web.add_tool import Source, add_tool
from web.api import cursors, found, shown
from web.api.answers import SECURED, created, empty, hit, json, wake
from web.edit_tool import ToolChanges
from web.schemas import (
    BuildInfo,
    NewTool,
    Page,
    ToolEdit,
    ToolInfo,
    ToolList,
    VersionInfo,
    VersionList,
)


class ToolPath(BaseModel):
    tool: str = Field(max_length=200)
    """Name or id."""


class VersionPath(ToolPath):
    number: int = Field(ge=1, le=1 << 31)


class ToolQuery(Page):
    mine: bool = False
    q: str = Field(default="", max_length=200)
    """Part of the name or description."""


def blueprint() -> APIBlueprint:
    """The routes below `/api/v1/tools`."""
    routes = APIBlueprint("api_tools", __name__, url_prefix="/api/v1")

    @routes.post("/tools", summary="Add a tool", security=SECURED, responses={201: ToolInfo})
    def add(body: NewTool) -> Response:
        """Its first version is built at once; follow the events of `build_id`."""
        account = auth.required().account
        hit("add")

        def make(session: Session) -> tuple[int, BaseModel]:
            added = add_tool(
                session,
                account,
                _wanted(body),
                plans=auth.ports().plans,
                allowed_hosts=_allowed(),
            )
            return 201, shown.tool(session, account, added.tool, added.version, [added.version])

        return created(make)

    @routes.get("/tools", summary="Tools that I can run", responses={200: ToolList})
    def listed(query: ToolQuery) -> Response:
        """Public tools with a ready version, and all of my own."""
        viewer = auth.viewer()
        with auth.ports().transactions.read() as session:
            rows, following = cursors.page(session, _listed(viewer, query), Tool, query)
            items = shown.tools(session, viewer, rows)
        return json(ToolList(items=items, next=following))

    @routes.get("/tools/<tool>", summary="One tool", responses={200: ToolInfo})
    def one(path: ToolPath) -> Response:
        viewer = auth.viewer()
        with auth.ports().transactions.read() as session:
            tool = found.tool(session, viewer, path.tool)
            return json(_whole(session, viewer, tool, found.version(session, tool, None)))

    @routes.patch(
        "/tools/<tool>", summary="Edit a tool", security=SECURED, responses={200: ToolInfo}
    )
    def edit(path: ToolPath, body: ToolEdit) -> Response:
        """The answer shows the new version where the source has changed."""
        account = auth.required().account
        changes = ToolChanges(**{name: getattr(body, name) for name in body.model_fields_set})
        with auth.ports().transactions.begin() as session:
            tool = found.tool(session, account, path.tool)
            added = edit_tool.edit_tool(
                session,
                account,
                tool,
                changes,
                plans=auth.ports().plans,
                allowed_hosts=_allowed(),
            )
            if added:
                hit("add")
            made = added.version if added else found.version(session, tool, None)
            answer = _whole(session, account, tool, made)
        if added:
            wake(f"account:{account.id}")
        return json(answer)

    @routes.delete(
        "/tools/<tool>", summary="Delete a tool", security=SECURED, responses={204: None}
    )
    def delete(path: ToolPath) -> Response:
        account = auth.required().account
        with auth.ports().transactions.begin() as session:
            edit_tool.delete_tool(session, account, found.tool(session, account, path.tool))
        return empty()

    @routes.get(
        "/tools/<tool>/versions", summary="Versions of a tool", responses={200: VersionList}
    )
    def versions(path: ToolPath, query: Page) -> Response:
        viewer = auth.viewer()
        with auth.ports().transactions.read() as session:
            tool = found.tool(session, viewer, path.tool)
            rows, following = cursors.page(
                session, select(Version).where(Version.tool_id == tool.id), Version, query
            )
            items = [shown.version(tool, made, shown.newest_build(session, made)) for made in rows]
        return json(VersionList(items=items, next=following))

    @routes.get(
        "/tools/<tool>/versions/<int:number>", summary="One version", responses={200: VersionInfo}
    )
    def version(path: VersionPath) -> Response:
        with auth.ports().transactions.read() as session:
            tool = found.tool(session, auth.viewer(), path.tool)
            made = found.version(session, tool, path.number)
            return json(shown.version(tool, made, shown.newest_build(session, made)))

    @routes.post(
        "/tools/<tool>/versions/<int:number>/builds",
        summary="Build a version again",
        security=SECURED,
        responses={201: BuildInfo},
    )
    def build_again(path: VersionPath) -> Response:
        account = auth.required().account
        hit("add")

        def make(session: Session) -> tuple[int, BaseModel]:
            tool = found.tool(session, account, path.tool)
            made = found.version(session, tool, path.number)
            job = edit_tool.build_again(session, account, tool, made, auth.ports().plans)
            return 201, shown.build(job, made, tool)

        return created(make)

    return routes


def _wanted(body: NewTool) -> Wanted:
    source = Source(body.link, body.ref, body.folder, body.runtime, body.command, body.overrides)
    return Wanted(source, body.name, body.description, body.private, body.network)


def _allowed() -> tuple[str, ...]:
    return auth.ports().settings.allowed_hosts


def _whole(session: Session, viewer: Account | None, tool: Tool, made: Version) -> ToolInfo:
    versions = session.scalars(
        select(Version).where(Version.tool_id == tool.id).order_by(Version.number.desc())
    ).all()
    return shown.tool(
        session, viewer, tool, made, versions, readme=made.readme, forms=tool_forms.forms_of(made)
    )


def _listed(viewer: Account | None, query: ToolQuery) -> Select[Tool]:
    chosen = select(Tool).where(Tool.deleted_at.is_(None))
    ready = exists().where(Version.tool_id == Tool.id, Version.state == "ready")
    public = and_(Tool.private.is_(False), ready)
    own = Tool.account_id == (viewer.id if viewer else "")
    chosen = chosen.where(own if query.mine else or_(own, public))
    if query.q:
        like = "%" + query.q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        chosen = chosen.where(
            or_(Tool.name.ilike(like, escape="\\"), Tool.description.ilike(like, escape="\\"))
        )
    return chosen
