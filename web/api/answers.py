"""How the API's routes answer: models as JSON, creates at most once."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from json import dumps, loads
from typing import cast

from flask import Response, current_app, request
from pydantic import BaseModel
from sqlalchemy.orm import Session

from shared import outbox
from web import auth, idempotency
from web.rate_limits import RateLimits

SECURED: list[dict[str, list[object]]] = [{"bearer": []}]


def json(model: BaseModel, status: int = 200) -> Response:
    """The model as the answer's body."""
    return Response(model.model_dump_json(), status, mimetype="application/json")


def empty() -> Response:
    """204."""
    return Response(status=204)


def created(
    make: Callable[[Session], tuple[int, BaseModel]],
    *,
    body_sha256: str | None = None,
) -> Response:
    """The answer of a create: once for each `Idempotency-Key`; the relay is woken after the commit."""
    ports = auth.ports()
    sha256 = body_sha256 or _body_sha256()
    answer = idempotency.once(
        ports.transactions,
        auth.required().account.id,
        request.headers.get("Idempotency-Key"),
        idempotency.fingerprint(request.method, request.path, sha256),
        make,
    )
    response = Response(answer.body, answer.status, mimetype="application/json")
    if answer.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    else:
        wake(f"account:{auth.required().account.id}")
    return response


def _body_sha256() -> str:
    """Of the JSON, in whatever order and indent it was written."""
    body = request.get_data()
    with suppress(ValueError, RecursionError):
        body = dumps(loads(body), sort_keys=True).encode()
    return hashlib.sha256(body).hexdigest()


def wake(*topics: str) -> None:
    """Something has been committed: the relay sends its events, readers of `topics` look again."""
    auth.ports().ring(outbox.DOORBELL)
    auth.ports().bell.ring(*topics)


def hit(name: str) -> None:
    """Count this call against the caller's rate."""
    rates = cast(RateLimits, current_app.extensions["toolyard-rates"])
    viewer = auth.viewer()
    rates.hit(name, viewer.id if viewer else request.remote_addr or "")
