"""Signed object URLs over HTTP."""

import hashlib
import io
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from shared.attachment import disposition
from shared.objects_disk import DiskObjects
from shared.uploads import Part
from shared.uploads_disk import DiskUploads
from web import problems
from web.objects_route import make_blueprint

BASE = "http://127.0.0.1:1"
DATA = bytes(range(256))
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def objects(tmp_path: Path) -> DiskObjects:
    return DiskObjects(tmp_path / "objects", "key", BASE)


@pytest.fixture
def client(objects: DiskObjects) -> FlaskClient:
    app = Flask("objects")
    problems.install(app)
    app.register_blueprint(make_blueprint(DiskUploads(objects)))
    return app.test_client()


@pytest.fixture
def stored(objects: DiskObjects, tmp_path: Path) -> str:
    """A download URL of `DATA`."""
    (tmp_path / "data").write_bytes(DATA)
    objects.put("runs/r/a/o/1", tmp_path / "data")
    return objects.presign_get("runs/r/a/o/1", seconds=60, filename="ü b.html").removeprefix(BASE)


def put_url(objects: DiskObjects, key: str = "k", data: bytes = DATA, seconds: int = 60) -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    url = objects.presign_put(key, size=len(data), sha256=sha256, seconds=seconds).url
    return url.removeprefix(BASE)


def test_a_download_is_an_attachment_that_no_browser_will_run(
    client: FlaskClient, stored: str
) -> None:
    with client.get(stored) as answer:
        assert (answer.status_code, answer.data) == (200, DATA)
        headers = answer.headers
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Content-Disposition"].startswith('attachment; filename="_ b.html"; ')
    assert headers["Content-Disposition"].endswith("filename*=UTF-8''" + quote("ü b.html"))
    assert (headers["Content-Length"], headers["ETag"]) == ("256", f'"{SHA256}"')


@pytest.mark.parametrize(
    ("wanted", "status", "data"),
    [
        ("bytes=0-9", 206, DATA[:10]),
        ("bytes=250-", 206, DATA[250:]),
        ("bytes=-6", 206, DATA[250:]),
        ("bytes=0-", 206, DATA),
    ],
)
def test_ranges(client: FlaskClient, stored: str, wanted: str, status: int, data: bytes) -> None:
    with client.get(stored, headers={"Range": wanted}) as answer:
        assert (answer.status_code, answer.data) == (status, data)


def test_a_range_outside_is_not_satisfiable_and_a_known_etag_is_not_sent_again(
    client: FlaskClient, stored: str
) -> None:
    with client.get(stored, headers={"Range": "bytes=256-"}) as answer:
        assert answer.status_code == 416
    with client.get(stored, headers={"If-None-Match": f'"{SHA256}"'}) as answer:
        assert (answer.status_code, answer.data) == (304, b"")
    with client.head(stored) as answer:
        assert (answer.status_code, answer.headers["Content-Length"]) == (200, "256")


@pytest.mark.parametrize(
    "change",
    [
        ("signature=", "signature=0"),
        ("expires=", "expires=9"),
        ("filename=", "filename=x"),
        ("o/1?", "o/2?"),
        ("o/1?", "o/../../../../../etc/passwd?"),
        ("&signature", "&unsigned"),
    ],
)
def test_a_tampered_link_is_refused(
    client: FlaskClient, stored: str, change: tuple[str, str]
) -> None:
    answer = client.get(stored.replace(*change))
    assert (answer.status_code, answer.json["error"]["code"]) == (403, "signature")  # type: ignore[index]


def test_an_expired_link_is_refused(client: FlaskClient, objects: DiskObjects, stored: str) -> None:
    assert stored
    old = objects.presign_get("runs/r/a/o/1", seconds=-1).removeprefix(BASE)
    assert client.get(old).status_code == 403
    assert client.put(put_url(objects, seconds=-1), data=DATA).status_code == 403


def test_a_download_link_does_not_take_an_upload_nor_the_other_way_round(
    client: FlaskClient, objects: DiskObjects, stored: str
) -> None:
    assert client.put(stored, data=DATA).status_code == 403
    bare = objects.presign_get("k", seconds=60).removeprefix(BASE)
    assert client.put(bare, data=b"").status_code == 403
    url = put_url(objects)
    assert client.put(url, data=DATA).status_code == 204
    assert client.get(url).status_code == 403


@pytest.mark.parametrize("change", ["size=", "sha256=", "upload=", "part=", "media_type="])
def test_an_upload_is_signed_with_all_that_it_may_bring(
    client: FlaskClient, objects: DiskObjects, change: str
) -> None:
    uploads = DiskUploads(objects)
    part = Part(1, len(DATA), SHA256)
    put = uploads.presign_part("k", uploads.begin("k"), part, seconds=60).url.removeprefix(BASE)
    form = uploads.presign_post("k", size=len(DATA), sha256=SHA256, seconds=60)
    url, send = (put, client.put) if change in put else (form.url.removeprefix(BASE), client.post)
    assert change in url
    fields = {**form.fields, "file": (io.BytesIO(DATA), "x")}

    answer = send(url.replace(change, f"{change}1"), data=fields)

    assert (answer.status_code, answer.json["error"]["code"]) == (403, "signature")  # type: ignore[index]


def test_a_body_that_is_too_long_is_not_read_to_its_end(
    client: FlaskClient, objects: DiskObjects
) -> None:
    form = DiskUploads(objects).presign_post("k", size=1, sha256=SHA256, seconds=60)
    fields = {**form.fields, "file": (io.BytesIO(b"x" * 20_000), "x")}
    assert client.post(form.url.removeprefix(BASE), data=fields).status_code == 413
    answer = client.put(put_url(objects), data=b"x" * 20_000)
    assert answer.json["error"]["code"] == "size"  # type: ignore[index]


def test_an_upload_takes_exactly_the_announced_bytes_once(
    client: FlaskClient, objects: DiskObjects
) -> None:
    url = put_url(objects)
    for wrong in (DATA[:-1], DATA + b"x", b"x" * 256):
        assert client.put(url, data=wrong).status_code == 422
    assert objects.stat("k") is None
    assert client.put(url, data=DATA).status_code == 204
    assert client.put(url, data=DATA).status_code == 204, "the same bytes again are fine"
    assert client.put(put_url(objects, data=b"other"), data=b"other").status_code == 409
    with objects.open("k") as file:
        assert file.read() == DATA


def test_a_deleted_object_is_not_found(
    client: FlaskClient, objects: DiskObjects, stored: str
) -> None:
    objects.delete("runs/r/a/o/1")
    assert client.get(stored).status_code == 404


@pytest.mark.parametrize(
    ("name", "header"),
    [
        (None, "attachment"),
        ("a.txt", "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt"),
        ('a"\r\nX: y', "attachment; filename=\"a___X: y\"; filename*=UTF-8''a%22__X%3A%20y"),
        ("../../x", "attachment; filename=\"x\"; filename*=UTF-8''x"),
    ],
)
def test_file_names_cannot_leave_their_header(name: str | None, header: str) -> None:
    assert disposition(name) == header
