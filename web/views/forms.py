"""Forms as people send them: what was typed, in the types that use cases take."""

import io
from collections.abc import Sequence
from typing import Any, BinaryIO, cast

from flask import Response, make_response, render_template, request
from pydantic import ValidationError
from werkzeug.datastructures import FileStorage

from shared.plan import RUNTIMES, Network
from shared.schema.accounts import Account
from shared.schema.runs import File
from web import auth, inputs, room
from web.add_tool import Source
from web.limits import limits_of
from web.refusals import Invalid, Refused
from web.store_file import add_file, new_key, received
from web.views.examples import EXAMPLES

LONGEST_PLAN = 70_000
_FIELDS = ("name", "description", "ref", "folder", "runtime", "command", "other_command", "network",
           "hosts", "overrides")  # fmt: skip


def refused(error: Refused, template: str, **facts: object) -> Response:
    """The same form again with the sentence, keeping what was typed."""
    response = make_response(render_template(template, fault=error.message, **facts), error.status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, round(error.retry_after + 0.5)))
    return response


def text(name: str) -> str:
    """A field's trimmed text."""
    return request.form.get(name, "").strip()


def source() -> Source:
    """What is to be built, as the forms for adding and editing name it."""
    return Source(
        link=text("link"),
        ref=text("ref") or None,
        folder=text("folder"),
        runtime=text("runtime") or None,
        command=text("other_command") or text("command") or None,
        overrides=request.form.get("overrides", "")[:LONGEST_PLAN],
    )


def add_facts(typed: Any, seen: object = None) -> dict[str, object]:
    """What the add form needs beside what was typed; the details are open where they hold something."""
    return {
        "typed": typed,
        "seen": seen,
        "open": bool(seen) or any(typed.get(name) for name in _FIELDS),
        "runtimes": RUNTIMES,
        "examples": EXAMPLES,
    }


def network() -> Network | None:
    """The network that was chosen; None where the field was left alone."""
    mode = text("network")
    hosts = tuple(part for part in text("hosts").replace(",", " ").split() if part)
    if mode == "hosts":
        if not hosts:
            raise Invalid("Name the hosts that may be reached, like api.example.org.")
        try:
            return Network(mode="hosts", hosts=hosts)
        except ValidationError as error:
            raise Invalid("Name at most 100 hosts, like api.example.org.") from error
    if mode in ("off", "internet"):
        return Network(mode="off" if mode == "off" else "internet")
    return None


def whole_number(name: str, words: str) -> int | None:
    """A field's whole number; None where it was left empty."""
    typed = text(name)
    if not typed:
        return None
    if not typed.isascii() or not typed.isdigit() or len(typed) > 9:
        raise Invalid(f"{words} must be a whole number.")
    return int(typed)


def store(account: Account, given: Sequence[FileStorage]) -> list[File]:
    """Keep uploads, each with its row, so that a later refusal loses none of them."""
    chosen = [file for file in given if file.filename]
    inputs.check_names([base_name(file) for file in chosen])
    left = limits_of(account.plan, auth.ports().plans).input_bytes
    found: list[File] = []
    for file in chosen:
        found.append(_keep(account, base_name(file), cast(BinaryIO, file.stream), left))
        left -= found[-1].size
    return found


def store_text(account: Account, name: str, typed: str) -> File:
    """Typed text as a file."""
    data = io.BytesIO(typed.replace("\r\n", "\n").encode(errors="replace"))
    return _keep(account, name, data, limits_of(account.plan, auth.ports().plans).input_bytes)


def base_name(file: FileStorage) -> str:
    """The last part of the name: browsers may send a folder before it."""
    return (file.filename or "").replace("\\", "/").rpartition("/")[2]


def _keep(account: Account, name: str, source: BinaryIO, limit: int) -> File:
    ports = auth.ports()
    room.check(ports.settings.data)
    with received(source, limit) as got:
        file_id, key = new_key()
        ports.objects.put(key, got.path)
        most = limits_of(account.plan, ports.plans).stored_bytes
        try:
            with ports.transactions.begin() as session:
                return add_file(session, account.id, file_id, key, name, got, most_bytes=most)
        except Refused:
            ports.objects.delete(key)
            raise
