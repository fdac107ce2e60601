"""Uploads straight to the object store: large files in parts that can be resumed, small ones in one form."""

import hashlib

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from shared.schema.runs import Upload
from shared.uploads import Part
from web import access, auth, room, uploads
from web.api import shown
from web.api.answers import SECURED, created, empty, hit, json
from web.limits import limits_of
from web.refusals import Absent
from web.schemas import FileInfo
from web.upload_schemas import (
    NewUpload,
    PartTarget,
    PartTargets,
    StoredPart,
    UploadForm,
    UploadInfo,
    UploadList,
    WantedParts,
    WholeUpload,
)


class UploadPath(BaseModel):
    upload_id: str = Field(max_length=64)


class UploadsQuery(BaseModel):
    name: str | None = Field(default=None, max_length=1000)
    size: int | None = Field(default=None, ge=0, lt=1 << 50)


def blueprint() -> APIBlueprint:
    """The routes below `/api/v1/uploads`."""
    routes = APIBlueprint("api_uploads", __name__, url_prefix="/api/v1")

    @routes.post(
        "/uploads", summary="Begin an upload", security=SECURED, responses={201: UploadInfo}
    )
    def begin(body: NewUpload) -> Response:
        """Up to 8 MiB with a SHA-256: send `form`. Else: ask for URLs of the parts and PUT each."""
        account = auth.required().account
        hit("upload")
        room.check(auth.ports().settings.data)
        plan = limits_of(account.plan, auth.ports().plans)
        uploads.check(body.name, body.size, plan.input_bytes)
        upload = uploads.prepare(_store(), account, body.name, body.size, body.sha256)
        used = False

        def make(session: Session) -> tuple[int, BaseModel]:
            nonlocal used
            uploads.begin(session, upload, plan.stored_bytes)
            used = True
            return 201, _info(upload, [])

        try:
            return created(make, body_sha256=hashlib.sha256(request.get_data()).hexdigest())
        finally:
            if not used:  # refused, or an earlier request with this key began it
                uploads.forget(_store(), upload)

    @routes.get(
        "/uploads", summary="My unfinished uploads", security=SECURED, responses={200: UploadList}
    )
    def mine(query: UploadsQuery) -> Response:
        """What can be resumed; the parts that are there are told by each one's own address."""
        account = auth.required().account
        with auth.ports().transactions.read() as session:
            found = uploads.unfinished(session, account, name=query.name, size=query.size)
        return json(UploadList(items=[_info(one, []) for one in found]))

    @routes.get(
        "/uploads/<upload_id>", summary="One upload", security=SECURED, responses={200: UploadInfo}
    )
    def one(path: UploadPath) -> Response:
        upload = own_upload(path.upload_id)
        there = uploads.stored(auth.ports().transactions, _store(), upload)
        return json(_info(upload, there))

    @routes.post(
        "/uploads/<upload_id>/parts",
        summary="URLs for parts",
        security=SECURED,
        responses={200: PartTargets},
    )
    def parts(path: UploadPath, body: WantedParts) -> Response:
        """Each URL takes one PUT of exactly these bytes, with the headers beside it, within an hour."""
        upload = own_upload(path.upload_id)
        items = []
        for wanted in body.parts:
            put = uploads.sign(_store(), upload, wanted.number, wanted.sha256)
            items.append(PartTarget(number=wanted.number, url=put.url, headers=dict(put.headers)))
        return json(PartTargets(items=items))

    @routes.post(
        "/uploads/<upload_id>/complete",
        summary="Complete an upload",
        security=SECURED,
        responses={201: FileInfo},
    )
    def complete(path: UploadPath, body: WholeUpload) -> Response:
        """The file, when all has arrived; safe to repeat. 410: it has ended, begin a new one."""
        upload = own_upload(path.upload_id)
        hit("upload")
        file = uploads.complete(
            auth.ports().transactions, _store(), upload, _limit(), body.parts_sha256
        )
        return json(shown.file(file), 201)

    @routes.delete(
        "/uploads/<upload_id>",
        summary="Give an upload up",
        security=SECURED,
        responses={204: None},
    )
    def remove(path: UploadPath) -> Response:
        uploads.give_up(auth.ports().transactions, _store(), own_upload(path.upload_id))
        return empty()

    return routes


def _store() -> uploads.Store:
    ports = auth.ports()
    return uploads.Store(ports.objects, ports.uploads)


def _limit() -> int:
    return limits_of(auth.required().account.plan, auth.ports().plans).input_bytes


def own_upload(upload_id: str) -> Upload:
    """The caller's upload; refused where it is somebody else's or nobody's."""
    account = auth.required().account
    with auth.ports().transactions.read() as session:
        upload = session.get(Upload, upload_id)
    if upload is None or not access.may_use_upload(account, upload):
        raise Absent("You have no such upload.")
    return upload


def _info(upload: Upload, parts: list[Part]) -> UploadInfo:
    form = uploads.form(_store(), upload)
    return UploadInfo(
        id=upload.id,
        name=upload.name,
        size=upload.size,
        part_size=upload.part_size,
        parts=uploads.parts_of(upload),
        stored=[StoredPart(number=p.number, size=p.size, sha256=p.sha256) for p in parts],
        form=UploadForm(url=form.url, fields=dict(form.fields)) if form else None,
        created_at=upload.created_at,
        finished=upload.finished_at is not None,
    )
