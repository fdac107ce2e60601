"""Builds: their state, their log, and stopping them."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field
from sqlalchemy import select

from shared.schema.tools import Build, Version
from web import auth, cancel
from web.api import cursors, found, shown
from web.api.answers import SECURED, json, wake
from web.api.live import LogQuery, StreamQuery, events, log_bytes
from web.schemas import BuildInfo, BuildList, Page


class BuildPath(BaseModel):
    build_id: str = Field(max_length=64)


class ToolPath(BaseModel):
    tool: str = Field(max_length=200)


def blueprint() -> APIBlueprint:
    """The routes below `/api/v1/builds`, and the builds of a tool."""
    routes = APIBlueprint("api_builds", __name__, url_prefix="/api/v1")

    @routes.get("/tools/<tool>/builds", summary="Builds of a tool", responses={200: BuildList})
    def of_tool(path: ToolPath, query: Page) -> Response:
        with auth.ports().transactions.read() as session:
            tool = found.tool(session, auth.viewer(), path.tool)
            versions = {
                version.id: version
                for version in session.scalars(select(Version).where(Version.tool_id == tool.id))
            }
            chosen = select(Build).where(Build.version_id.in_(sorted(versions)))
            rows, following = cursors.page(session, chosen, Build, query)
            items = [shown.build(job, versions[job.version_id], tool) for job in rows]
        return json(BuildList(items=items, next=following))

    @routes.get("/builds/<build_id>", summary="One build", responses={200: BuildInfo})
    def one(path: BuildPath) -> Response:
        with auth.ports().transactions.read() as session:
            return json(shown.build(*found.build(session, auth.viewer(), path.build_id)))

    @routes.post(
        "/builds/<build_id>/cancel",
        summary="Cancel a build",
        security=SECURED,
        responses={200: BuildInfo},
    )
    def stop(path: BuildPath) -> Response:
        account = auth.required().account
        with auth.ports().transactions.begin() as session:
            job, version, tool = found.build(session, account, path.build_id)
            job = cancel.cancel_build(session, account, job)
            answer = shown.build(job, version, tool)
        wake(*cancel.topics(job))
        return json(answer)

    @routes.get("/builds/<build_id>/log", summary="Bytes of a build's log")
    def log(path: BuildPath, query: LogQuery) -> Response:
        """The position to go on from comes as `X-Next-Offset`; `X-Ended: true` after the last byte."""
        with auth.ports().transactions.read() as session:
            found.build(session, auth.viewer(), path.build_id)
        return log_bytes("build", path.build_id, "stdout", query)

    @routes.get("/builds/<build_id>/events", summary="Follow a build (server-sent events)")
    def follow(path: BuildPath, query: StreamQuery) -> Response:
        """Events as described at the top of this page's introduction; resumes by `Last-Event-ID`."""
        return events(
            "build",
            path.build_id,
            query,
            lambda session, viewer: found.build(session, viewer, path.build_id),
        )

    return routes
