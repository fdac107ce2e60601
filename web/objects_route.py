"""Serves the signed URLs of the folder store: one object out, or one object or part of one in."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from flask import Blueprint, Response, request
from werkzeug.wsgi import wrap_file

from shared.attachment import disposition
from shared.objects import AlreadyExists, NotFound
from shared.objects_disk import BadKey, BadSignature, DiskObjects, Grant, WrongBytes
from shared.uploads import NoUpload, Part
from shared.uploads_disk import DiskUploads
from web import room
from web.refusals import Absent, Conflict, Forbidden, Invalid

_FORM_BYTES = 16 << 10
"""What a form has around its file."""
_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}


def make_blueprint(uploads: DiskUploads) -> Blueprint:
    """The route `/objects/<key>`; the signature is the only permission, no session is looked at."""
    objects = uploads.objects
    blueprint = Blueprint("objects", __name__)

    @blueprint.get("/objects/<path:key>")
    def download(key: str) -> Response:
        _verified(objects, Grant("GET", key, _number("expires") or 0, filename=_text("filename")))
        try:
            info, file = objects.stat(key), objects.open(key)
        except (NotFound, BadKey) as error:
            raise Absent("There is no such file any more.") from error
        if info is None:
            file.close()
            raise Absent("There is no such file any more.")
        response = Response(
            wrap_file(request.environ, file),
            mimetype="application/octet-stream",
            direct_passthrough=True,
        )
        response.content_length = info.size
        response.set_etag(info.sha256)
        response.headers["Content-Disposition"] = disposition(_text("filename"))
        response.headers.extend(_HEADERS)
        try:
            response.make_conditional(request, accept_ranges=True, complete_length=info.size)
        except Exception:
            file.close()
            raise
        return response

    @blueprint.put("/objects/<path:key>")
    def upload(key: str) -> Response:
        grant = _granted("PUT", key)
        _verified(objects, grant)
        room.check(objects.root)
        size, sha256 = grant.size or 0, grant.sha256 or ""
        if request.content_length is not None and request.content_length != size:
            raise Invalid(f"The file must have exactly {size} bytes.", code="size")
        source = cast(BinaryIO, request.stream)
        with _refusals():
            if grant.upload is not None:
                part = Part(grant.part or 0, size, sha256)
                uploads.receive_part(key, grant.upload, part, source)
            else:
                objects.receive(key, source, size=size, sha256=sha256)
        return _stored(sha256)

    @blueprint.post("/objects/<path:key>")
    def form(key: str) -> Response:
        grant = _granted("POST", key)
        _verified(objects, grant)
        room.check(objects.root)
        request.max_content_length = (grant.size or 0) + _FORM_BYTES
        file = request.files.get("file")
        if file is None:
            raise Invalid("Send the file as the form's field `file`.")
        if request.form.get("Content-Type") != grant.media_type:
            raise Forbidden(f"The form's Content-Type must be {grant.media_type}.", code="type")
        with _refusals():
            objects.receive(key, cast(BinaryIO, file.stream), size=grant.size, sha256=grant.sha256)
        return _stored(grant.sha256 or "")

    return blueprint


def _granted(method: str, key: str) -> Grant:
    return Grant(
        method,
        key,
        _number("expires") or 0,
        size=_number("size"),
        sha256=_text("sha256"),
        upload=_text("upload"),
        part=_number("part"),
        media_type=_text("media_type"),
    )


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except WrongBytes as error:
        raise Invalid(str(error), code="bytes") from error
    except AlreadyExists as error:
        raise Conflict("Another file is stored there already.", code="exists") from error
    except NoUpload as error:
        raise Absent("This upload has ended. Begin a new one.") from error


def _stored(sha256: str) -> Response:
    response = Response(status=204, headers=_HEADERS)
    response.set_etag(sha256)
    return response


def _verified(objects: DiskObjects, grant: Grant) -> None:
    try:
        objects.verify(grant, _text("signature") or "")
    except BadSignature as error:
        raise Forbidden(str(error), code="signature") from error


def _text(name: str) -> str | None:
    return request.args.get(name)


def _number(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else None
