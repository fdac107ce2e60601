"""Logs by offset and live streams, for runs and builds alike."""

from collections.abc import Callable
from typing import cast

from flask import Response, current_app, request
from pydantic import ConfigDict, Field
from sqlalchemy.orm import Session

from shared.schema.accounts import Account
from shared.work import Kind, Stream
from web import auth, live_logs, streams
from web.client_address import household
from web.metrics import Metrics
from web.refusals import Absent
from web.schemas import Query
from web.stream_places import Gate

_MOST = 1 << 20


class LogQuery(Query):
    offset: int = Field(default=0, ge=0, le=1 << 50)
    limit: int = Field(default=_MOST, ge=1, le=_MOST)


class StreamQuery(Query):
    model_config = ConfigDict(populate_by_name=True)

    start: str | None = Field(default=None, alias="from", max_length=64)
    """An event's id to go on from; the header `Last-Event-ID` wins."""


def log_bytes(kind: Kind, job_id: str, stream: Stream, query: LogQuery) -> Response:
    """The bytes from an offset on, as far as they exist now."""
    ports = auth.ports()
    part = live_logs.read(
        ports.transactions, ports.objects, kind, job_id, stream, query.offset, query.limit
    )
    response = Response(part.data, mimetype="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="{job_id}.{stream}"'
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["X-Fence"] = str(part.fence)
    response.headers["X-Next-Offset"] = str(part.offset + len(part.data))
    response.headers["X-Ended"] = "true" if part.ended else "false"
    return response


def events(
    kind: Kind,
    job_id: str,
    query: StreamQuery,
    look: Callable[[Session, Account | None], object],
) -> Response:
    """A live stream; `look` raises `Absent` for whom there is no such job."""
    ports = auth.ports()
    position = streams.Position.parse(request.headers.get("Last-Event-ID") or query.start)
    with ports.transactions.read() as session:
        look(session, auth.viewer())
    who = auth.asked_again()

    def may_see() -> bool:
        viewer = who()
        with ports.transactions.read() as session:
            try:
                look(session, viewer)
            except Absent:
                return False
        return True

    gate = cast(Gate, current_app.extensions["toolyard-streams"])
    metrics = cast(Metrics, current_app.extensions["toolyard-metrics"])
    reader = auth.viewer()
    place = gate.enter(reader.id if reader else household(request.remote_addr or ""))
    metrics.streams.inc()
    told = streams.follow(ports, kind, job_id, position, may_see, place.is_given_up)
    response = Response(told, mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"  # a proxy must not gather what is live

    @response.call_on_close
    def leave() -> None:
        gate.leave(place)
        metrics.streams.dec()

    return response
