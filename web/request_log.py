"""Each request has an id: in its log line, in the answer's header, in what it writes to the log."""

import re
import time

import structlog
from flask import Flask, Response, g, request

from shared import tracing
from shared.ids import new_id
from web.metrics import Metrics

log = structlog.get_logger()

_ACCEPTED = re.compile(r"[A-Za-z0-9_.-]{8,64}")
_QUIET = {"/healthz", "/readyz", "/metrics"}
_WORKERS = "/api/v1/worker/"


def install(app: Flask, metrics: Metrics) -> None:
    """Bind the id before anything else, log and measure after everything else."""

    @app.before_request
    def begin() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if _ACCEPTED.fullmatch(given) else new_id("req")
        g.began = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)
        _begin_span()

    @app.after_request
    def end(response: Response) -> Response:
        seconds = time.perf_counter() - g.get("began", time.perf_counter())
        rule = request.url_rule.rule if request.url_rule else "none"
        metrics.observe(request.method, rule, response.status_code, seconds)
        response.headers["X-Request-Id"] = g.get("request_id", "")
        if "span" in g:
            tracing.note(g.span, "status", response.status_code)
        if request.path not in _QUIET:
            # A worker's calls are many: claims and ends have lines of their own, failures this one.
            routine = request.path.startswith(_WORKERS) or request.method == "PUT"
            tell = log.debug if routine and response.status_code < 400 else log.info
            tell(
                "request",
                method=request.method,
                path=request.path,
                status=response.status_code,
                ms=round(seconds * 1000, 1),
                address=request.remote_addr,
            )
        return response

    @app.teardown_request
    def over(error: BaseException | None) -> None:
        if "span" in g:
            g.inside.__exit__(None, None, None)
            g.span.end(type(error).__name__ if error else "")


def _begin_span() -> None:
    """What changes something is traced, and what a worker does for a job that is."""
    from_worker = request.path.startswith(_WORKERS)
    parent = tracing.known(request.headers.get("traceparent")) if from_worker else ""
    if not parent and (from_worker or request.method in ("GET", "HEAD", "OPTIONS")):
        return
    rule = request.url_rule.rule if request.url_rule else "none"
    g.span = tracing.begin(
        f"{request.method} {rule}", parent=parent, kind="server", method=request.method, route=rule
    )
    g.inside = tracing.inside(g.span.traceparent)
    g.inside.__enter__()
