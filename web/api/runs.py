"""Runs: start, watch, stop, and take the results."""

from typing import Literal

from flask import Response, redirect
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.attachment import disposition
from shared.schema.accounts import Account
from shared.schema.runs import Output, Run
from web import auth, cancel, references, results_zip, run_states
from web.api import cursors, found, shown
from web.api.answers import SECURED, created, hit, json, wake
from web.api.live import LogQuery, StreamQuery, events, log_bytes
from web.refusals import Absent, Invalid
from web.request_run import InputChoice, RunRequest, request_run
from web.schemas import NewRun, OutputList, Page, RunInfo, RunList

_URL_SECONDS = 300


class RunPath(BaseModel):
    run_id: str = Field(max_length=64)


class OutputPath(RunPath):
    n: int = Field(ge=0, le=1 << 31)


class LogPath(RunPath):
    stream: Literal["stdout", "stderr"]


class RunQuery(Page):
    tool: str | None = Field(default=None, max_length=200)
    state: str | None = Field(default=None, max_length=40)


def blueprint() -> APIBlueprint:
    """The routes below `/api/v1/runs`."""
    routes = APIBlueprint("api_runs", __name__, url_prefix="/api/v1")

    @routes.post("/runs", summary="Run a tool", security=SECURED, responses={201: RunInfo})
    def start(body: NewRun) -> Response:
        account = auth.required().account
        hit("run")

        def make(session: Session) -> tuple[int, BaseModel]:
            name, wanted = references.split(body.tool)
            tool = found.tool(session, account, name)
            version = found.version(session, tool, body.version or wanted)
            run = request_run(session, account, tool, version, _wanted(body), auth.ports().plans)
            return 201, shown.new_run(run, tool, version)

        return created(make)

    @routes.get("/runs", summary="My runs", security=SECURED, responses={200: RunList})
    def listed(query: RunQuery) -> Response:
        account = auth.required().account
        if query.state and query.state not in run_states.ALL:
            known = ", ".join(sorted(run_states.ALL))
            raise Invalid(f"There is no state {query.state!r}; known are {known}.")
        chosen = select(Run).where(Run.account_id == account.id)
        if query.state:
            chosen = chosen.where(Run.state == query.state)
        with auth.ports().transactions.read() as session:
            if query.tool:
                tool = found.tool(session, account, query.tool)
                chosen = chosen.where(Run.tool_id == tool.id)
            rows, following = cursors.page(session, chosen, Run, query)
            items = shown.runs(session, rows)
        return json(RunList(items=items, next=following))

    @routes.get("/runs/<run_id>", summary="One run", security=SECURED, responses={200: RunInfo})
    def one(path: RunPath) -> Response:
        with auth.ports().transactions.read() as session:
            return json(shown.run(session, found.run(session, _asker(), path.run_id)))

    @routes.post(
        "/runs/<run_id>/cancel", summary="Cancel a run", security=SECURED, responses={200: RunInfo}
    )
    def stop(path: RunPath) -> Response:
        account = auth.required().account
        with auth.ports().transactions.begin() as session:
            run = cancel.cancel_run(session, account, found.run(session, account, path.run_id))
            answer = shown.run(session, run)
        wake(*cancel.topics(run))
        return json(answer)

    @routes.get(
        "/runs/<run_id>/outputs", summary="Outputs", security=SECURED, responses={200: OutputList}
    )
    def outputs(path: RunPath) -> Response:
        with auth.ports().transactions.read() as session:
            run = found.run(session, _asker(), path.run_id)
            items = [shown.output(one) for one in shown.outputs_of(session, run)]
        return json(OutputList(items=items, next=None))

    @routes.get("/runs/<run_id>/outputs/<int:n>", summary="Download one output", security=SECURED)
    def output(path: OutputPath) -> Response:
        """Redirects to a URL that holds for a few minutes and takes `Range`."""
        ports = auth.ports()
        with ports.transactions.read() as session:
            run = found.run(session, _asker(), path.run_id)
            row = session.get(Output, (run.id, path.n))
        if row is None:
            raise Absent("The run has no such output.")
        url = ports.objects.presign_get(row.key, seconds=_URL_SECONDS, filename=row.path)
        response = redirect(url, 302)
        assert isinstance(response, Response)
        return response

    @routes.get("/runs/<run_id>/outputs.zip", summary="Everything in one zip", security=SECURED)
    def everything(path: RunPath) -> Response:
        """`stdout`, `stderr`, and the outputs below `files/`."""
        ports = auth.ports()
        with ports.transactions.read() as session:
            run = found.run(session, _asker(), path.run_id)
            entries = results_zip.entries(run, shown.outputs_of(session, run))
        response = Response(results_zip.stream(ports.objects, entries), mimetype="application/zip")
        response.headers["Content-Disposition"] = disposition(f"{path.run_id}.zip")
        return response

    @routes.get("/runs/<run_id>/logs/<stream>", summary="Bytes of a stream", security=SECURED)
    def log(path: LogPath, query: LogQuery) -> Response:
        """The position to go on from comes as `X-Next-Offset`; `X-Ended: true` after the last byte."""
        with auth.ports().transactions.read() as session:
            found.run(session, _asker(), path.run_id)
        return log_bytes("run", path.run_id, path.stream, query)

    @routes.get(
        "/runs/<run_id>/events", summary="Follow a run (server-sent events)", security=SECURED
    )
    def follow(path: RunPath, query: StreamQuery) -> Response:
        """Resumes by the header `Last-Event-ID` or `?from=`."""
        _asker()
        return events(
            "run",
            path.run_id,
            query,
            lambda session, viewer: found.run(session, viewer, path.run_id),
        )

    return routes


def _asker() -> Account:
    return auth.required().account


def _wanted(body: NewRun) -> RunRequest:
    return RunRequest(
        line=body.line,
        argv=body.argv,
        command=body.command,
        inputs=[InputChoice(given.file_id, given.name) for given in body.inputs],
        stdin_file_id=body.stdin,
        env=body.env,
        timeout_seconds=body.timeout,
        network=body.network,
    )
