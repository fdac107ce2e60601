"""Where a version comes from: its source and papers, news from its Git host, building on push."""

from typing import cast

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.schema.accounts import Account
from shared.schema.tools import Preview, Tool, Version
from shared.work import Provenance
from web import access, auth, newest_commit, rebuild_on_push
from web.api import found
from web.api.answers import hit, wake
from web.api.origins import changes_between, version_before
from web.jobs import TERMINAL
from web.newest_commit import is_behind, newest_version
from web.rebuild_version import has_snapshot, rebuild_from_snapshot


def blueprint() -> Blueprint:
    """The page and what it does."""
    routes = Blueprint("origins", __name__)

    @routes.get("/tools/<tool_id>/origin")
    def show(tool_id: str) -> Response:
        viewer = auth.viewer()
        with auth.ports().transactions.read() as session:
            tool = found.tool(session, viewer, tool_id)
            return _page(session, viewer, tool)

    @routes.post("/tools/<tool_id>/origin/check")
    def check(tool_id: str) -> Response:
        account = auth.required().account
        ports = auth.ports()
        hit("preview")
        with ports.transactions.begin() as session:
            tool = found.tool(session, account, tool_id)
            newest_commit.ask(
                session,
                account,
                tool,
                allowed_hosts=ports.settings.allowed_hosts,
                plans=ports.plans,
            )
        wake()
        return _back(tool_id)

    @routes.post("/tools/<tool_id>/origin/update")
    def update(tool_id: str) -> Response:
        account = auth.required().account
        ports = auth.ports()
        hit("add")
        with ports.transactions.begin() as session:
            tool = found.tool(session, account, tool_id)
            build_id = newest_commit.build_newest(session, account, tool, ports.plans).build.id
        wake(f"account:{account.id}")
        return _to_build(build_id)

    @routes.post("/tools/<tool_id>/origin/webhook")
    def open_hook(tool_id: str) -> Response:
        account = auth.required().account
        ports = auth.ports()
        with ports.transactions.begin() as session:
            tool = found.tool(session, account, tool_id)
            secret = rebuild_on_push.open_hook(session, ports.seals, account, tool)
            return _page(session, account, tool, secret=secret, status=201)

    @routes.post("/tools/<tool_id>/origin/webhook/close")
    def close_hook(tool_id: str) -> Response:
        account = auth.required().account
        with auth.ports().transactions.begin() as session:
            tool = found.tool(session, account, tool_id)
            rebuild_on_push.close_hook(session, account, tool)
        return _back(tool_id)

    @routes.post("/tools/<tool_id>/versions/<int:number>/rebuild")
    def rebuild(tool_id: str, number: int) -> Response:
        account = auth.required().account
        ports = auth.ports()
        hit("add")
        with ports.transactions.begin() as session:
            tool = found.tool(session, account, tool_id)
            version = found.version(session, tool, number)
            build_id = rebuild_from_snapshot(session, account, tool, version, ports.plans).id
        wake(f"account:{account.id}")
        return _to_build(build_id)

    return routes


def _page(
    session: Session, viewer: Account | None, tool: Tool, *, secret: str = "", status: int = 200
) -> Response:
    number = request.args.get("version", 0, type=int)
    version = found.version(session, tool, number or None)
    newest = newest_version(session, tool)
    before = version_before(session, tool, version)
    asking = session.scalars(
        select(Preview)
        .where(Preview.tool_id == tool.id)
        .order_by(Preview.created_at.desc())
        .limit(1)
    ).one_or_none()
    html = render_template(
        "origin.html",
        tool=tool,
        version=version,
        newest=newest,
        behind=is_behind(tool, newest),
        asking=asking is not None and asking.state not in TERMINAL,
        refusal=asking.reason if asking is not None and asking.state in TERMINAL else "",
        before=before,
        changes=changes_between(before, version),
        made=_provenance(version),
        has_snapshot=has_snapshot(version),
        may_edit=access.may_edit_tool(viewer, tool),
        hook=f"{auth.ports().settings.url}/api/v1/hooks/{tool.id}",
        secret=secret,
    )
    return make_response(html, status)


def _provenance(version: Version) -> Provenance | None:
    if version.provenance is None:
        return None
    return Provenance.model_validate(version.provenance)


def _back(tool_id: str) -> Response:
    return cast(Response, redirect(url_for("origins.show", tool_id=tool_id), 303))


def _to_build(build_id: str) -> Response:
    return cast(Response, redirect(url_for("builds.show", build_id=build_id), 303))
