"""Runs: starting one, the history, one run followed live."""

from typing import cast

from flask import (
    Blueprint,
    Response,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.plan import Network
from shared.schema.accounts import Account
from shared.schema.archives import Archive
from shared.schema.runs import Output, Run
from shared.schema.tools import Tool, Version
from shared.work import Limits, Manifest
from web import arguments, auth, queue_position
from web.api import found
from web.api.answers import hit, wake
from web.cancel import cancel_run, topics
from web.limits import limits_of
from web.refusals import Invalid, Refused
from web.request_run import InputChoice, RunRequest, request_run
from web.views import forms, lookups, phases, previews, run_filters, run_rows, shown
from web.views.examples import EXAMPLES
from web.views.tools import tool_page

_OUTPUTS_SHOWN = 200
_ICONS = {"table": "table", "image": "image", "archive": "file-archive", "text": "file-text"}


def blueprint() -> Blueprint:
    """The run pages."""
    routes = Blueprint("runs", __name__)
    _starting(routes)
    _watching(routes)
    return routes


def _starting(routes: Blueprint) -> None:
    @routes.post("/tools/<tool_id>/runs")
    def start(tool_id: str) -> Response:
        account = auth.required().account
        ports = auth.ports()
        number = request.form.get("version", 0, type=int)
        kept: list[dict[str, object]] = []
        try:
            hit("run")
            kept = _files(account)
            wanted = _wanted(account, kept)
            with ports.transactions.begin() as session:
                tool = found.tool(session, account, tool_id)
                version = found.version(session, tool, number or None)
                run_id = request_run(session, account, tool, version, wanted, auth.ports().plans).id
        except Refused as error:
            if error.status == 404:
                raise
            return _again(error, account, tool_id, number, kept)
        wake(f"account:{account.id}")
        return _to(run_id)

    @routes.post("/parse")
    def parse() -> str:
        auth.required()
        line = request.form.get("line", "")
        try:
            argv = arguments.parse(line)
        except arguments.BadArguments as error:
            return render_template("parsed.html", fault=str(error), argv=[], shown=True)
        return render_template("parsed.html", fault="", argv=argv, shown=_needs_showing(line, argv))

    @routes.post("/runs/<run_id>/cancel")
    def cancel(run_id: str) -> Response:
        account = auth.required().account
        with auth.ports().transactions.begin() as session:
            run = cancel_run(session, account, found.run(session, account, run_id))
            told = topics(run)
        wake(*told)
        return _to(run_id)


def _watching(routes: Blueprint) -> None:
    @routes.get("/runs")
    def index() -> str:
        viewer = auth.required().account
        q = request.args.get("q", "").strip()[:300]
        cursor = request.args.get("cursor", "")[:60]
        wanted = run_filters.parse(q)
        with auth.ports().transactions.read() as session:
            rows = lookups.runs(session, viewer.id, wanted, cursor=cursor, limit=lookups.PAGE + 1)
            some = None if rows or q else _some_tool(session, viewer)
        more = len(rows) > lookups.PAGE
        rows = rows[: lookups.PAGE]
        return render_template(
            "runs.html",
            q=q,
            cursor=cursor,
            problems=wanted.problems,
            runs=[run_rows.shown_row(row) for row in rows],
            live=not cursor and any(row.state not in shown.TERMINAL for row in rows),
            next=f"{rows[-1].created_at}.{rows[-1].id}" if more else "",
            some_tool=some,
            examples=EXAMPLES,
        )

    @routes.get("/runs/<run_id>")
    def show(run_id: str) -> str:
        viewer = auth.required().account
        with auth.ports().transactions.read() as session:
            return _page(session, viewer, found.run(session, viewer, run_id))


def _page(session: Session, viewer: Account, run: Run) -> str:
    tool = session.get_one(Tool, run.tool_id)
    version = session.get_one(Version, run.version_id)
    events = lookups.events(session, run.id)
    place = queue_position.place(session, run)
    live = run.state not in shown.TERMINAL
    outputs = session.scalars(
        select(Output).where(Output.run_id == run.id).order_by(Output.n).limit(_OUTPUTS_SHOWN + 1)
    ).all()
    manifest = Manifest.model_validate(run.manifest) if run.manifest else None
    network = Network.model_validate(run.network) if run.network else None
    limits = Limits.model_validate(run.limits)
    return render_template(
        "run.html",
        run=run,
        tool=tool,
        version=version,
        command=run.command or tool.name,
        state=shown.run_state(run),
        live=live,
        since=run.started_at if live else None,
        phases=phases.line(events, phases.RUN_STEPS, run.state),
        seq=events[-1].seq if events else 0,
        place=place,
        queue=phases.queue_sentence(run.state, place),
        outputs=[
            {
                "n": output.n,
                "path": output.path,
                "size": output.size,
                "icon": _ICONS.get(previews.looks(output.path), "file"),
            }
            for output in outputs[:_OUTPUTS_SHOWN]
        ],
        more_outputs=max(0, len(manifest.outputs) - _OUTPUTS_SHOWN) if manifest else 0,
        skipped=manifest.skipped[:10] if manifest else [],
        network=shown.network(network) if network else "as the tool has it",
        limits=limits,
        inputs=run_rows.inputs_of(session, run),
        outcome="" if live else shown.outcome(run, limits, _most_seconds(viewer)),
        typed_differs=run.line.strip() != arguments.join(run.argv),
        kept=_kept(session, run, live),
        settling=_settling(session, run, live),
        events=f"/api/v1/runs/{run.id}/events",
        sizes=(manifest.stdout.kept, manifest.stderr.kept) if manifest else (0, 0),
        whole=[
            (name, url_for("outputs.stream", run_id=run.id, name=name), kept)
            for name, kept in _streams(manifest)
            if kept
        ],
    )


def _most_seconds(viewer: Account) -> int:
    return limits_of(viewer.plan, auth.ports().plans).run.wall_seconds


def _streams(manifest: Manifest | None) -> list[tuple[str, int]]:
    if manifest is None:
        return []
    return [("stdout", manifest.stdout.kept), ("stderr", manifest.stderr.kept)]


def _kept(session: Session, run: Run, live: bool) -> list[object]:
    """What becomes of the results: words and times in turn."""
    if live:
        return ["Outputs and both streams are kept when it ends."]
    archive = session.get(Archive, run.id)
    if run.manifest is None:
        return ["It left nothing to keep."]
    if archive is None:
        return ["The results are at hand."]
    if archive.due_at is None:
        return ["As long as you want."]
    now = auth.ports().clock.now_ms()
    if archive.due_at <= now:
        return ["Due to move to cold storage."]
    return [
        "The results are at hand. They move to cold storage ",
        shown.ago(archive.due_at, now),
        ".",
    ]


def _settling(session: Session, run: Run, live: bool) -> bool:
    """Whether the archiver has not yet heard of a run that has just ended."""
    now = auth.ports().clock.now_ms()
    fresh = run.finished_at is not None and now - run.finished_at < 60_000
    return not live and fresh and run.manifest is not None and session.get(Archive, run.id) is None


def _files(account: Account) -> list[dict[str, object]]:
    """Files given again and new ones; new ones have rows from now on, so that nothing is lost."""
    kept: list[dict[str, object]] = []
    for value in request.form.getlist("keep"):
        file_id, _, name = value.partition("/")
        kept.append({"id": file_id, "name": name, "size": 0})
    stored = forms.store(account, request.files.getlist("files"))
    given = {str(file["name"]) for file in kept}
    twice = next((file.name for file in stored if file.name in given), None)
    if twice is not None:
        raise Invalid(f"There are two files named {twice}. Take one of them away.")
    kept += [{"id": file.id, "name": file.name, "size": file.size} for file in stored]
    return kept


def _wanted(account: Account, files: list[dict[str, object]]) -> RunRequest:
    return RunRequest(
        line=request.form.get("line", "").replace("\r\n", "\n"),  # browsers send a textarea's so
        command=forms.text("command") or None,
        inputs=[InputChoice(str(file["id"]), str(file["name"])) for file in files],
        stdin_file_id=_stdin(account),
        timeout_seconds=forms.whole_number("timeout", "The time limit"),
        network=forms.network(),
    )


def _stdin(account: Account) -> str | None:
    given = [file for file in request.files.getlist("stdin_file") if file.filename]
    typed = request.form.get("stdin", "")
    if given and typed:
        raise Invalid("Give standard input as text or as a file, not both.")
    if not given and not typed:
        return None
    if given:
        return forms.store(account, given[:1])[0].id
    return forms.store_text(account, "stdin", typed).id


def _again(
    error: Refused, account: Account, tool_id: str, number: int, kept: list[dict[str, object]]
) -> Response:
    """The tool's page with the sentence, what was typed, and the files that were uploaded."""
    with auth.ports().transactions.read() as session:
        tool = found.tool(session, account, tool_id)
        html = tool_page(
            session, account, tool, number, typed=request.form, again=kept, fault=error.message
        )
    response = make_response(html, error.status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, round(error.retry_after + 0.5)))
    return response


def _needs_showing(line: str, argv: list[str]) -> bool:
    """Plain words speak for themselves; quotes, escapes and JSON are shown as they will arrive."""
    return argv != line.split()


def _some_tool(session: Session, viewer: Account) -> Tool | None:
    rows = lookups.tools(session, viewer, "", mine=True, before=0, limit=10)
    rows += lookups.tools(session, viewer, "", mine=False, before=0, limit=1)
    return next((row.tool for row in rows if row.version.state == "ready"), None)


def _to(run_id: str) -> Response:
    return cast(Response, redirect(url_for("runs.show", run_id=run_id), 303))
