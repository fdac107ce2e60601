"""Uploads, to be used as inputs and standard input of runs."""

import hashlib
from typing import BinaryIO, cast

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from shared.schema.runs import File
from web import auth, inputs, room, stored_files
from web.api import cursors, shown
from web.api.answers import SECURED, created, empty, hit, json
from web.limits import limits_of
from web.refusals import Invalid, TooLarge
from web.schemas import FileInfo, FileList, Page
from web.store_file import Received, add_file, new_key, received


class FilePath(BaseModel):
    file_id: str = Field(max_length=64)


class UploadQuery(BaseModel):
    name: str | None = Field(default=None, max_length=1000)
    """What the file is called; needed where the bytes are the body itself."""


def blueprint() -> APIBlueprint:
    """The routes below `/api/v1/files`."""
    routes = APIBlueprint("api_files", __name__, url_prefix="/api/v1")

    @routes.post("/files", summary="Upload a file", security=SECURED, responses={201: FileInfo})
    def upload(query: UploadQuery) -> Response:
        """The bytes are the body (with `?name=`), or the field `file` of a multipart form."""
        account = auth.required().account
        hit("upload")
        room.check(auth.ports().settings.data)
        plan = limits_of(account.plan, auth.ports().plans)
        source, name = _source(query.name, plan.input_bytes)
        inputs.check_name(name)
        with received(source, plan.input_bytes) as got:
            return _store(account.id, name, got, plan.stored_bytes)

    @routes.get("/files", summary="My files", security=SECURED, responses={200: FileList})
    def mine(query: Page) -> Response:
        """What is stored, newest first, and how much of what the plan keeps it takes."""
        account = auth.required().account
        most = limits_of(account.plan, auth.ports().plans).stored_bytes
        with auth.ports().transactions.read() as session:
            rows, after = cursors.page(session, stored_files.of_account(account), File, query)
            uses = stored_files.uses(session, rows)
            stored = room.stored_bytes(session, account.id)
        items = [shown.file(row, uses.get(row.id, 0)) for row in rows]
        return json(FileList(items=items, next=after, stored_bytes=stored, most_bytes=most))

    @routes.get(
        "/files/<file_id>", summary="One upload", security=SECURED, responses={200: FileInfo}
    )
    def one(path: FilePath) -> Response:
        account = auth.required().account
        with auth.ports().transactions.read() as session:
            row = stored_files.own(session, account, path.file_id)
            runs = stored_files.uses(session, [row]).get(row.id, 0)
        return json(shown.file(row, runs))

    @routes.delete(
        "/files/<file_id>", summary="Delete a file", security=SECURED, responses={204: None}
    )
    def delete(path: FilePath) -> Response:
        """Its bytes; runs that took it keep their results. 409 while one of them has not ended."""
        account = auth.required().account
        ports = auth.ports()
        stored_files.delete(ports.transactions, ports.objects, account, path.file_id)
        return empty()

    return routes


def _source(name: str | None, limit: int) -> tuple[BinaryIO, str]:
    if request.mimetype == "multipart/form-data":
        field = request.files.get("file")
        if field is None:
            raise Invalid("Send the file as the form's field `file`.")
        return cast(BinaryIO, field.stream), name or field.filename or ""
    if name is None:
        raise Invalid("Say what the file is called with ?name=….")
    if (request.content_length or 0) > limit:
        raise TooLarge(
            f"The file has {request.content_length:,} bytes; your plan allows {limit:,}.",
            details={"limit": limit},
        )
    return cast(BinaryIO, request.stream), name


def _store(account_id: str, name: str, got: Received, most_bytes: int) -> Response:
    objects = auth.ports().objects
    file_id, key = new_key()
    objects.put(key, got.path)
    used = False

    def make(session: Session) -> tuple[int, BaseModel]:
        nonlocal used
        row = add_file(session, account_id, file_id, key, name, got, most_bytes=most_bytes)
        used = True
        return 201, shown.file(row)

    try:
        body = hashlib.sha256(f"{name}\n{got.sha256}".encode()).hexdigest()
        return created(make, body_sha256=body)
    finally:
        if not used:  # refused, or an earlier request with this key has stored the same bytes
            objects.delete(key)
