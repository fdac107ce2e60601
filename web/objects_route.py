"""Serves the signed URLs of `shared/objects_disk.py`: one object out, or one object in."""

import re
from typing import BinaryIO, cast
from urllib.parse import quote

from flask import Blueprint, Response, request
from werkzeug.wsgi import wrap_file

from shared.objects import AlreadyExists, NotFound
from shared.objects_disk import BadKey, BadSignature, DiskObjects, Grant, WrongBytes
from web.refusals import Absent, Conflict, Forbidden, Invalid

_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}


def make_blueprint(objects: DiskObjects) -> Blueprint:
    """The route `/objects/<key>`; the signature is the only permission, no session is looked at."""
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
        size, sha256 = _number("size"), _text("sha256")
        grant = Grant("PUT", key, _number("expires") or 0, size=size, sha256=sha256)
        _verified(objects, grant)
        if request.content_length is not None and request.content_length != size:
            raise Invalid(f"The file must have exactly {size} bytes.", code="size")
        try:
            objects.receive(key, cast(BinaryIO, request.stream), size=size, sha256=sha256)
        except WrongBytes as error:
            raise Invalid(str(error), code="bytes") from error
        except AlreadyExists as error:
            raise Conflict("Another file is stored there already.", code="exists") from error
        return Response(status=204, headers=_HEADERS)

    return blueprint


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


def disposition(filename: str | None) -> str:
    """`Content-Disposition` of a download (RFC 6266); browsers of today read the second form."""
    if not filename:
        return "attachment"
    name = re.sub(r"[\x00-\x1f\x7f-\x9f]", "_", filename.rpartition("/")[2]) or "file"
    plain = re.sub(r'[^ -~]|["\\%]', "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"
