"""Tools: the landing page, the list, adding one, its own page, changing it."""

from dataclasses import dataclass
from typing import Any, cast

from flask import (
    Blueprint,
    Response,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from sqlalchemy.orm import Session

from shared.plan import RUNTIMES, Network, Plan
from shared.schema.accounts import Account
from shared.schema.tools import Tool, Version
from shared.work import PlanTried
from web import access, auth, commands, networks, tool_forms
from web.add_tool import NewTool, Source, add_tool
from web.api import found
from web.api.answers import hit, wake
from web.edit_tool import ToolChanges, build_again, delete_tool, edit_tool
from web.limits import limits_of
from web.refusals import Forbidden, Refused
from web.views import forms, lookups, plans, readme, run_rows, shown
from web.views.examples import EXAMPLES
from web.views.run_filters import RunFilter

_LONG_README = 1500


def blueprint() -> Blueprint:
    """The tool pages."""
    routes = Blueprint("tools", __name__)
    _lists(routes)
    _adding(routes)
    _one(routes)
    _changing(routes)
    return routes


def _lists(routes: Blueprint) -> None:
    @routes.get("/")
    def landing() -> Response:
        if auth.viewer():
            return _to(url_for("tools.index"))
        return _add_page({})

    @routes.get("/tools")
    def index() -> str:
        viewer = auth.viewer()
        sought = request.args.get("q", "").strip()[:200]
        before = request.args.get("before", 0, type=int)
        with auth.ports().transactions.read() as session:
            mine = lookups.tools(session, viewer, sought, mine=True, before=0, limit=500)
            others = lookups.tools(
                session, viewer, sought, mine=False, before=before, limit=lookups.PAGE + 1
            )
        more = ""
        if len(others) > lookups.PAGE:
            others = others[: lookups.PAGE]
            more = url_for("tools.index", q=sought or None, before=others[-1].tool.created_at)
        return render_template(
            "tools.html",
            sought=sought,
            mine=[_row(row) for row in mine] if not before else [],
            others=[_row(row) for row in others],
            live=any(row.version.state == "pending" for row in [*mine, *others]),
            more=more,
            examples=EXAMPLES,
        )


def _adding(routes: Blueprint) -> None:
    @routes.get("/add")
    def add() -> Response:
        account = auth.required().account
        asked = request.args.get("preview", "")[:64]
        if not asked:
            return _add_page({"link": request.args.get("link", "")[:2000]})
        with auth.ports().transactions.read() as session:
            preview = found.preview(session, account, asked)
            seen = plans.seen_in(preview)
            typed = plans.prefilled(session, account, preview)
        if request.args.get("plan") and not typed["overrides"]:
            typed["overrides"] = seen.text
        return _add_page(typed, seen)

    @routes.post("/add")
    def add_now() -> Response:
        account = auth.required().account
        ports = auth.ports()
        try:
            hit("add")
            wanted = NewTool(
                source=forms.source(),
                name=forms.text("name") or None,
                description=forms.text("description"),
                private=bool(request.form.get("private")),
                network=forms.network(),
            )
            with ports.transactions.begin() as session:
                made = add_tool(
                    session,
                    account,
                    wanted,
                    plans=auth.ports().plans,
                    allowed_hosts=_allowed(),
                )
                build_id = made.build.id
        except Refused as error:
            return forms.refused(error, "add.html", **forms.add_facts(request.form))
        wake(f"account:{account.id}")
        return _to(url_for("builds.show", build_id=build_id))


def _one(routes: Blueprint) -> None:
    @routes.get("/tools/<tool_id>")
    def show(tool_id: str) -> Response:
        viewer = auth.viewer()
        with auth.ports().transactions.read() as session:
            tool = found.tool(session, viewer, tool_id)
            number = request.args.get("version", 0, type=int)
            again = _again(session, viewer, request.args.get("again", ""))
            return make_response(tool_page(session, viewer, tool, number, **again))

    @routes.post("/tools/<tool_id>/versions/<int:number>/build", endpoint="build_again")
    def build_again_now(tool_id: str, number: int) -> Response:
        account = auth.required().account
        ports = auth.ports()
        hit("add")
        with ports.transactions.begin() as session:
            tool = found.tool(session, account, tool_id)
            version = found.version(session, tool, number)
            build_id = build_again(session, account, tool, version, auth.ports().plans).id
        wake(f"account:{account.id}")
        return _to(url_for("builds.show", build_id=build_id))


def _changing(routes: Blueprint) -> None:
    @routes.get("/tools/<tool_id>/edit")
    def edit(tool_id: str) -> str:
        account = auth.required().account
        with auth.ports().transactions.read() as session:
            tool = _own(session, account, tool_id)
            newest = lookups.versions(session, tool)[0]
        return render_template(
            "tool_edit.html", **_edit_facts(tool, newest), typed=_typed_from(tool, newest)
        )

    @routes.post("/tools/<tool_id>/edit")
    def edit_now(tool_id: str) -> Response:
        account = auth.required().account
        ports = auth.ports()
        with ports.transactions.read() as session:
            tool = _own(session, account, tool_id)
            before = lookups.versions(session, tool)[0]
        try:
            source = forms.source()
            changes = ToolChanges(
                name=forms.text("name"),
                description=forms.text("description"),
                private=bool(request.form.get("private")),
                network=forms.network(),
                link=source.link,
                ref=_kept_or_new(before, source, "ref"),
                folder=_kept_or_new(before, source, "folder") or "",
                runtime=source.runtime,
                command=source.command,
            )
            with ports.transactions.begin() as session:
                # Not the row above: a refusal rolls this one back, and the form shows the other.
                changed = _own(session, account, tool_id)
                made = edit_tool(
                    session,
                    account,
                    changed,
                    changes,
                    plans=auth.ports().plans,
                    allowed_hosts=_allowed(),
                )
                if made:
                    hit("add")
                build_id = made.build.id if made else ""
        except Refused as error:
            return forms.refused(
                error, "tool_edit.html", **_edit_facts(tool, before), typed=request.form
            )
        wake(f"account:{account.id}")
        if build_id:
            return _to(url_for("builds.show", build_id=build_id))
        return _to(url_for("tools.show", tool_id=tool_id))

    @routes.post("/tools/<tool_id>/delete")
    def delete(tool_id: str) -> Response:
        account = auth.required().account
        with auth.ports().transactions.begin() as session:
            delete_tool(session, account, found.tool(session, account, tool_id))
        return _to(url_for("tools.index"))


def tool_page(
    session: Session,
    viewer: Account | None,
    tool: Tool,
    number: int,
    *,
    typed: Any = None,
    again: list[dict[str, object]] | None = None,
    fault: str = "",
) -> str:
    """A tool's page with the run form; also drawn again when a run was refused."""
    known = lookups.versions(session, tool)
    ready = lookups.newest_ready(session, tool)
    may_edit = access.may_edit_tool(viewer, tool)
    version = found.version(session, tool, number) if number else (ready or known[0])
    build = lookups.latest_build(session, version.id)
    offered = commands.commands_of(version)
    own = lookups.runs(session, viewer.id, RunFilter(), tool_id=tool.id, limit=8) if viewer else []
    plan = Plan.model_validate(version.plan) if version.plan else None
    limits = limits_of(viewer.plan if viewer else "free", auth.ports().plans)
    return render_template(
        "tool.html",
        tool=tool,
        version=version,
        state=shown.version_state(version, build),
        build=build,
        may_edit=may_edit,
        commands=sorted(offered, key=lambda c: c.name != version.command),
        network=networks.network_of(version),
        limits=limits,
        default_seconds=min(600, limits.run.wall_seconds),
        typed=typed or {},
        again=again or [],
        fault=fault,
        open=any((typed or {}).get(n) for n in ("stdin", "network", "timeout")),
        versions=[
            {"version": v, "state": shown.version_state(v)} for v in known[: lookups.VERSIONS]
        ],
        more_versions=len(known) > lookups.VERSIONS,
        ready_version=ready,
        runs=[run_rows.shown_row(row) for row in own],
        runs_live=any(row.state not in shown.TERMINAL for row in own),
        readme=readme.html(version.readme) if version.readme else "",
        readme_long=len(version.readme) > _LONG_README,
        language=_language(plan),
        forms=tool_forms.for_page(version),
        outputs=_outputs(session, viewer, limits.input_bytes) if version.forms else [],
        tried=tried(version),
    )


def _outputs(session: Session, viewer: Account | None, most_bytes: int) -> list[dict[str, object]]:
    """Earlier outputs that a field which means a file can take."""
    return [
        {
            "name": one.path.rsplit("/", 1)[-1],
            "size": one.size,
            "url": url_for("outputs.download", run_id=one.run_id, n=one.n),
        }
        for one in (lookups.recent_outputs(session, viewer, most_bytes) if viewer else [])
    ]


def tried(version: Version) -> list[dict[str, str]]:
    """Each plan of the version's build, and the sentence on why it failed."""
    told = []
    for item in version.plans_tried:
        one = PlanTried.model_validate(item)
        what = one.plan.evidence[0] if one.plan.evidence else one.plan.base
        told.append({"title": f"{_language(one.plan)} from {what}", "reason": one.reason})
    return told


def _again(session: Session, viewer: Account | None, run_id: str) -> dict[str, Any]:
    """The form as an earlier run had it, files included; a sentence where some have been deleted."""
    if not run_id or viewer is None:
        return {}
    run = found.run(session, viewer, run_id)
    files = run_rows.inputs_of(session, run)
    again = [
        {"id": file.id, "name": name, "size": file.size}
        for name, file in files
        if access.may_use_file(viewer, file) and file.deleted_at is None
    ]
    gone = ", ".join(name[:80] for name, file in files if file.deleted_at is not None)
    fault = gone and f"Deleted since that run: {gone}. Add it again, or run without it."
    seconds = run.limits.get("wall_seconds")
    usual = limits_of(viewer.plan, auth.ports().plans).run.wall_seconds
    typed: dict[str, object] = {"line": run.line, "command": run.command}
    if seconds != usual and isinstance(seconds, int) and seconds < usual:
        typed["timeout"] = seconds
    return {"again": again, "typed": typed, "fault": fault}


@dataclass(frozen=True)
class _Row:
    tool: Tool
    version: Version
    state: shown.Shown
    language: str
    reason: str
    url: str


def _row(row: lookups.ToolRow) -> _Row:
    plan = Plan.model_validate(row.version.plan) if row.version.plan else None
    viewer = auth.viewer()
    pending = row.version.state == "pending" and row.build is not None
    if pending and row.build is not None and access.may_edit_tool(viewer, row.tool):
        url = url_for("builds.show", build_id=row.build.id)
    else:
        url = url_for("tools.show", tool_id=row.tool.id)
    reason = row.version.reason if row.version.state == "failed" else ""
    return _Row(
        row.tool,
        row.version,
        shown.version_state(row.version, row.build),
        _language(plan),
        reason,
        url,
    )


def _language(plan: Plan | None) -> str:
    return shown.language(plan) if plan else ""


def _kept_or_new(before: Version, source: Source, name: str) -> str | None:
    """A ref or folder that was left as it stood does not outlive its link."""
    typed: str | None = getattr(source, name)
    moved = source.link != before.link
    return None if moved and typed == (getattr(before, name) or None) else typed


def _edit_facts(tool: Tool, newest: Version) -> dict[str, object]:
    """What the edit form offers: the newest version's commands are its entry points."""
    return {
        "tool": tool,
        "plan": Plan.model_validate(newest.plan) if newest.plan else None,
        "commands": commands.commands_of(newest),
        "runtimes": RUNTIMES,
    }


def _typed_from(tool: Tool, version: Version) -> dict[str, object]:
    network = Network.model_validate(version.network) if version.network else None
    return {
        "name": tool.name,
        "description": tool.description,
        "private": tool.private,
        "link": version.link,
        "ref": version.ref or "",
        "folder": version.folder,
        "runtime": version.runtime or "",
        "command": version.command or "",
        "network": network.mode if network else "",
        "hosts": ", ".join(network.hosts) if network else "",
    }


def _add_page(typed: dict[str, str], seen: plans.Seen | None = None) -> Response:
    return make_response(render_template("add.html", **forms.add_facts(typed, seen)))


def _own(session: Session, account: Account, tool_id: str) -> Tool:
    tool = found.tool(session, account, tool_id)
    if not access.may_edit_tool(account, tool):
        raise Forbidden("Only the tool's owner may change it.")
    return tool


def _allowed() -> tuple[str, ...]:
    return auth.ports().settings.allowed_hosts


def _to(target: str) -> Response:
    return cast(Response, redirect(target, 303))
