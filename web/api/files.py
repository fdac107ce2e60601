"""Uploads, to be used as inputs and standard input of runs."""

import hashlib
from typing import BinaryIO, cast

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from shared.schema.runs import File
from web import access, auth, inputs, room
from web.api import shown
from web.api.answers import SECURED, created, hit, json
from web.limits import limits_of
from web.refusals import Absent, Invalid, TooLarge
from web.schemas import FileInfo
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

    @routes.get(
        "/files/<file_id>", summary="One upload", security=SECURED, responses={200: FileInfo}
    )
    def one(path: FilePath) -> Response:
        account = auth.required().account
        with auth.ports().transactions.read() as session:
            row = session.get(File, path.file_id)
        if row is None or not access.may_use_file(account, row):
            raise Absent("You have no such file.")
        return json(shown.file(row))

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
