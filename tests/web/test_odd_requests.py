"""Every route, asked in odd ways: it refuses or answers, and never breaks."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog
from flask import Flask

from shared.db import Transactions
from tests.web import authorisation_world
from tests.web.authorisation_table import TABLE
from tests.web.authorisation_world import Call, World
from tests.web.conftest import WORKER_TOKEN, make_ports
from web.flask_app import create_app

_OFTEN = 10**7


class Written(str):
    """JSON as it stands."""


ODD: list[Any] = [None, 10**30, "a\0b", Written('"\\ud800"'), Written("9" * 5000), [[]]]
BODIES = [b"", b"[" * 100_000, b"9" * 5000, b"\xff\xfe"]
TEXTS = ["a\0b", "9" * 5000, "[" * 3000]
HEADERS = [
    {"Origin": "http://[::"}, {"Authorization": "Bearer \xff"}, {"Authorization": "Basic"}, {"Range": "bytes=9-1,-"},
    {"Last-Event-ID": "\xff"}, {"If-None-Match": '\xff"'}, {"Cookie": "toolyard_session=\xff; toolyard_device=\xff.\xff"},
    {"Idempotency-Key": "\xff"}, {"Host": "[::"}, {"Content-Type": "multipart/form-data; boundary="}, {"traceparent": "\xff"},
    {"X-Hub-Signature-256": "\xff"}, {"X-CSRF-Token": "\xff"}, {"User-Agent": "\xff" * 999}, {"X-Forwarded-For": "\xff"},
]  # fmt: skip
PLACES = ["%00", "%ff", "9" * 40]
FIELDS = {
    "claims": ("kind", "id", "worker"),
    "phase": ("phase", "detail"),
    "release": ("reason", "costs_attempt"),
    "collect": ("bytes_wanted", "kept"),
    "finish": ("state", "reason", "exit_code", "seconds", "manifest", "untold", "commit", "plan", "forms", "readme"),
}  # fmt: skip
"""Of the worker API, which no document lists."""


@dataclass(frozen=True)
class Asked:
    call: Call
    headers: dict[str, str]
    raw: bytes | None = None


def text_of(value: Any) -> bytes:
    """JSON, also of what no program would write."""

    def written(value: Any) -> str:
        if isinstance(value, Written):
            return str(value)
        if isinstance(value, dict):
            return "{" + ",".join(f"{json.dumps(k)}:{written(v)}" for k, v in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ",".join(map(written, value)) + "]"
        return json.dumps(value)

    return written(value).encode()


def fields_of(app: Flask) -> dict[str, list[str]]:
    """The fields of each route's body, as the API's own document lists them."""
    document: Any = app.test_client().get("/api/v1/openapi.json").json
    found = {}
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            content = told.get("requestBody", {}).get("content", {}).get("application/json", {})
            name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
            fields = document["components"]["schemas"].get(name, {}).get("properties", {})
            found[f"{method.upper()} {re.sub('{[^}]*}', '<>', path)}"] = list(fields)
    return found


def asked(route: str, call: Call, fields: list[str]) -> Iterator[Asked]:
    """The route's usual request, with one thing odd about it."""
    if call.json is not None:
        for field in {*fields, *call.json}:
            yield from (Asked(call, {}, text_of({**call.json, field: value})) for value in ODD)
        yield from (Asked(call, {}, body) for body in BODIES)
    for field in call.form or {}:
        yield from (
            Asked(replace(call, form={**(call.form or {}), field: text}), {}) for text in TEXTS
        )
    path, mark, query = call.path.partition("?")
    words = path.split("/")
    for at, word in enumerate(route.partition(" ")[2].split("/")):
        if "<" in word and at < len(words):
            for odd in PLACES:
                other = "/".join([*words[:at], odd, *words[at + 1 :]])
                yield Asked(replace(call, path=other + mark + query), {})
    for name in re.findall(r"(\w+)=", query) or ["cursor", "offset", "from", "before"]:
        for odd in ("9" * 40, "%ff"):
            kept = re.sub(rf"&?\b{name}=[^&]*", "", query)
            yield Asked(replace(call, path=f"{path}?{kept}&{name}={odd}"), {})


def send(app: Flask, world: World, route: str, wanted: Asked) -> int:
    method, rule = route.split(" ", 1)
    client = app.test_client()
    bearer = world.secrets["owner"][0]
    if "/worker/" in rule:
        bearer = WORKER_TOKEN if re.search("claims|directives|images/", rule) else world.attempt
    headers = {"Authorization": f"Bearer {bearer}"}
    if not rule.startswith(("/api/", "/objects/")):
        secret = world.secrets["owner"][1]
        client.set_cookie("toolyard_session", secret)
        proof = hmac.new(b"session-key", b"csrf:" + secret.encode(), hashlib.sha256)
        headers = {"X-CSRF-Token": proof.hexdigest()}
    body: dict[str, Any] = {"data": wanted.raw if wanted.raw is not None else wanted.call.data}
    if wanted.call.form is not None:
        body = {"data": dict(wanted.call.form)}
    elif wanted.call.json is not None:
        body = {"data": wanted.raw or text_of(wanted.call.json), "content_type": "application/json"}
        headers = {**headers, "Content-Type": "application/json"}
    answer = client.open(
        wanted.call.path,
        method=method,
        buffered=False,
        headers={**headers, **wanted.headers},
        **body,
    )
    answer.close()
    return answer.status_code


def test_no_route_breaks_on_an_odd_request(transactions: Transactions, tmp_path: Path) -> None:
    app = create_app(
        make_ports(
            transactions,
            tmp_path,
            adds_per_hour=_OFTEN,
            previews_per_hour=_OFTEN,
            runs_per_minute=_OFTEN,
            sign_ups_per_hour=_OFTEN,
            pushes_per_minute=_OFTEN,
        )
    )
    fields = fields_of(app)
    begin, step = (1, 4) if transactions.url.startswith("sqlite") else (0, 2)
    objects = app.extensions["toolyard"].objects
    broken = []
    with structlog.testing.capture_logs():  # a line a request costs more than the request
        for n, (route, row) in enumerate(TABLE.items()):
            if route == "POST /objects/<path:key>":  # its form holds an open file
                continue
            world = authorisation_world.make(app, tmp_path)
            call = row.call(world, objects)
            known = fields.get(re.sub("<[^>]*>", "<>", route)) or []
            known = [*known, *FIELDS.get(route.rpartition("/")[2], ())]
            # Some of them each: the other database gets others, and all would take minutes.
            some = list(asked(route, call, known))[begin::step]
            every = [*some, Asked(call, HEADERS[n % len(HEADERS)])]
            broken += [
                (route, status, one.headers, (one.raw or b"")[:200], str(one.call)[:200])
                for one in every
                if (status := send(app, world, route, one)) >= 500
            ]
    assert broken == []
