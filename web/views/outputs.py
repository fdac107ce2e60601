"""What a run left: previews that are inert, downloads by signed URL, all of it as one zip."""

from typing import cast

from flask import Blueprint, Response, redirect, render_template, request
from sqlalchemy import select

from shared.schema.runs import Output, Run
from shared.schema.tools import Tool
from shared.work import Kind, Manifest, Stream
from web import auth, live_logs, results_zip
from web.api import found
from web.api.shown import outputs_of
from web.refusals import Absent
from web.views import previews
from web.views.shown import TERMINAL

_SECONDS = 600
_TAIL = 1 << 20
_INERT = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}


def blueprint() -> Blueprint:
    """Pages and downloads below a run."""
    routes = Blueprint("outputs", __name__)

    @routes.get("/runs/<run_id>/outputs/<int:n>")
    def show(run_id: str, n: int) -> str:
        run, output = _output(run_id, n)
        with auth.ports().transactions.read() as session:
            tool = session.get_one(Tool, run.tool_id)
        with auth.ports().objects.open(output.key) as file:
            head = file.read(previews.wanted_bytes(output.path))
        return render_template(
            "output.html",
            run=run,
            output=output,
            command=run.command or tool.name,
            preview=previews.of(output.path, head, output.size),
        )

    @routes.get("/runs/<run_id>/outputs/<int:n>/image")
    def image(run_id: str, n: int) -> Response:
        _, output = _output(run_id, n)
        with auth.ports().objects.open(output.key) as file:
            data = file.read(previews.IMAGE_BYTES + 1)
        media_type = previews.image_type(data)
        if media_type is None or len(data) > previews.IMAGE_BYTES:
            raise Absent("This output is no image that can be shown. Download it.")
        return Response(data, mimetype=media_type, headers=_INERT)

    @routes.get("/runs/<run_id>/outputs/<int:n>/download")
    def download(run_id: str, n: int) -> Response:
        _, output = _output(run_id, n)
        name = output.path.rpartition("/")[2] or "output"
        return _to_object(output.key, name)

    @routes.get("/runs/<run_id>/outputs.zip", endpoint="bundle")
    def everything(run_id: str) -> Response:
        run = _run(run_id)
        if run.state not in TERMINAL or run.manifest is None:
            raise Absent("The outputs can be downloaded when the run has ended.")
        with auth.ports().transactions.read() as session:
            entries = results_zip.entries(run, outputs_of(session, run))
        body = results_zip.stream(auth.ports().objects, entries)
        response = Response(body, mimetype="application/zip", headers=_INERT)
        response.headers["Content-Disposition"] = f'attachment; filename="{run.id}.zip"'
        return response

    @routes.get("/runs/<run_id>/streams/<name>")
    def stream(run_id: str, name: str) -> Response:
        if name not in ("stdout", "stderr"):
            raise Absent("A run has the streams stdout and stderr.")
        run = _run(run_id)
        if run.manifest is not None:
            manifest = Manifest.model_validate(run.manifest)
            kept = manifest.stdout if name == "stdout" else manifest.stderr
            if kept.key is not None:
                return _to_object(kept.key, f"{run.id}.{name}.txt")
        return so_far("run", run.id, cast(Stream, name))

    return routes


def so_far(kind: Kind, job_id: str, name: Stream) -> Response:
    """The beginning of a stream as plain text, for readers without scripts."""
    ports = auth.ports()
    offset = max(0, request.args.get("offset", 0, type=int))
    part = live_logs.read(ports.transactions, ports.objects, kind, job_id, name, offset, _TAIL)
    return Response(part.data, mimetype="text/plain", headers=_INERT)


def _to_object(key: str, name: str) -> Response:
    url = auth.ports().objects.presign_get(key, seconds=_SECONDS, filename=name)
    return cast(Response, redirect(url, 303))


def _run(run_id: str) -> Run:
    viewer = auth.required().account
    with auth.ports().transactions.read() as session:
        return found.run(session, viewer, run_id)


def _output(run_id: str, n: int) -> tuple[Run, Output]:
    run = _run(run_id)
    with auth.ports().transactions.read() as session:
        output = session.scalars(
            select(Output).where(Output.run_id == run.id, Output.n == n)
        ).one_or_none()
    if output is None:
        raise Absent("This run has no such output.")
    return run, output
