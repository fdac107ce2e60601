"""Plans before and after a build: the look at a repository on the add form, and editing a tool's plan."""

from dataclasses import dataclass
from typing import cast

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from shared.plan import RUNTIMES, Plan
from shared.schema.accounts import Account
from shared.schema.tools import Preview, Tool, Version
from shared.yaml_writing import written
from web import access, auth, previews, tool_names
from web.add_tool import Source, check_source
from web.api import found
from web.api.answers import hit, wake
from web.edit_tool import ToolChanges, edit_tool
from web.refusals import Forbidden, Refused
from web.views import forms, lookups, shown

_WORDS = {
    "queued": "",
    "leased": "",
    "cloning": "Fetching it",
    "detecting": "Reading its files",
}


@dataclass(frozen=True)
class Seen:
    """A look at a repository as a page shows it: under way, a plan, or why there is none."""

    id: str = ""
    live: bool = False
    word: str = ""
    plan: Plan | None = None
    text: str = ""
    reason: str = ""
    fault: str = ""
    """Why nobody looks."""


def seen_in(preview: Preview) -> Seen:
    """What a preview has found by now."""
    plan = Plan.model_validate(preview.plan) if preview.plan is not None else None
    live = preview.state not in shown.TERMINAL
    return Seen(
        preview.id,
        live,
        _WORDS.get(preview.state, ""),
        plan,
        written(plan) if plan else "",
        preview.reason or ("" if plan or live else "The look at the repository did not end well."),
    )


def prefilled(session: Session, account: Account, preview: Preview) -> dict[str, str]:
    """The add form's fields as detection would fill them."""
    _, repository = check_source(
        Source(preview.link), auth.ports().settings.allowed_hosts
    )  # was checked when the look was asked for
    name = tool_names.free(session, account.id, tool_names.from_link(repository))
    return {
        "link": preview.link,
        "ref": preview.ref or "",
        "folder": preview.folder,
        "runtime": preview.runtime or "",
        "command": preview.command or "",
        "overrides": preview.overrides,
        "name": name,
        "description": preview.description,
    }


def blueprint() -> Blueprint:
    """The looks of the add form, and the plan pages of tools."""
    routes = Blueprint("plans", __name__)
    _looks(routes)
    _tools(routes)
    return routes


def _looks(routes: Blueprint) -> None:
    @routes.post("/add/look")
    def look() -> Response:
        account = auth.required().account
        inside = request.headers.get("X-Fragment") == "1"
        try:
            preview_id = _ask(account, forms.source())
        except Refused as error:
            if inside:
                return _fragment(Seen(fault=error.message), {})
            return forms.refused(error, "add.html", **forms.add_facts(request.form))
        if inside:
            return _fragment(Seen(preview_id, live=True), {})
        return _to(url_for("tools.add", preview=preview_id))

    @routes.get("/add/look/<preview_id>")
    def looked(preview_id: str) -> Response:
        account = auth.required().account
        with auth.ports().transactions.read() as session:
            preview = found.preview(session, account, preview_id)
            return _fragment(seen_in(preview), prefilled(session, account, preview))


def _tools(routes: Blueprint) -> None:
    @routes.get("/tools/<tool_id>/plan")
    def edit(tool_id: str) -> Response:
        account = auth.required().account
        with auth.ports().transactions.read() as session:
            tool, version = _own(session, account, tool_id)
            asked = request.args.get("preview", "")
            preview = found.preview(session, account, asked) if asked else None
            seen = seen_in(preview) if preview else None
        plan = Plan.model_validate(version.plan) if version.plan else None
        text = (
            preview.overrides if preview else version.overrides or (written(plan) if plan else "")
        )
        return _page(tool, version, text, seen=seen)

    @routes.post("/tools/<tool_id>/plan", endpoint="save")
    def edit_now(tool_id: str) -> Response:
        account = auth.required().account
        ports = auth.ports()
        text = "" if request.form.get("reset") else _text()
        with ports.transactions.read() as session:
            tool, version = _own(session, account, tool_id)
        try:
            with ports.transactions.begin() as session:
                made = edit_tool(
                    session,
                    account,
                    found.tool(session, account, tool_id),
                    ToolChanges(overrides=text),
                    plans=ports.plans,
                    allowed_hosts=ports.settings.allowed_hosts,
                )
                if made:
                    hit("add")
                build_id = made.build.id if made else ""
        except Refused as error:
            return _page(tool, version, text, error)
        wake(f"account:{account.id}")
        if build_id:
            return _to(url_for("builds.show", build_id=build_id))
        return _to(url_for("tools.show", tool_id=tool_id))

    @routes.post("/tools/<tool_id>/plan/look")
    def try_out(tool_id: str) -> Response:
        account = auth.required().account
        with auth.ports().transactions.read() as session:
            tool, version = _own(session, account, tool_id)
        text = _text()
        source = Source(
            version.link, version.ref, version.folder, version.runtime, version.command, text
        )
        try:
            preview_id = _ask(account, source)
        except Refused as error:
            return _page(tool, version, text, error)
        return _to(url_for("plans.edit", tool_id=tool_id, preview=preview_id))


def _ask(account: Account, source: Source) -> str:
    ports = auth.ports()
    hit("preview")
    with ports.transactions.begin() as session:
        preview = previews.request_preview(
            session,
            account,
            source,
            allowed_hosts=ports.settings.allowed_hosts,
            plans=ports.plans,
        )
        preview_id = preview.id
    wake(f"account:{account.id}")
    return preview_id


def _fragment(seen: Seen, typed: dict[str, str]) -> Response:
    return make_response(render_template("looked.html", seen=seen, typed=typed, runtimes=RUNTIMES))


def _page(
    tool: Tool, version: Version, text: str, error: Refused | None = None, seen: Seen | None = None
) -> Response:
    facts = {
        "tool": tool,
        "version": version,
        "text": text,
        "seen": seen,
        "plan": Plan.model_validate(version.plan) if version.plan else None,
        "faults": error.details.get("faults", []) if error else [],
    }
    if error:
        return forms.refused(error, "plan_edit.html", **facts)
    return make_response(render_template("plan_edit.html", **facts))


def _text() -> str:
    return request.form.get("overrides", "")[: forms.LONGEST_PLAN]


def _own(session: Session, account: Account, tool_id: str) -> tuple[Tool, Version]:
    tool = found.tool(session, account, tool_id)
    if not access.may_edit_tool(account, tool):
        raise Forbidden("Only the tool's owner may change it.")
    return tool, lookups.versions(session, tool)[0]


def _to(target: str) -> Response:
    return cast(Response, redirect(target, 303))
