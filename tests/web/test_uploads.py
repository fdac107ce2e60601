"""Uploads through the API, on the folder store: limits before and after, repeats, and who may do what."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from shared.db import Transactions
from shared.objects_s3 import S3Objects
from shared.schema.runs import File, Upload
from shared.uploads import of_parts
from shared.uploads_s3 import S3Uploads
from tests.contracts.stores import put, s3_store
from tests.web.conftest import Person, make_ports
from web import uploads
from web.file_hashes import FileHashes
from web.ports import WebPorts
from web.refusals import TooLarge
from web.upload_sweeper import UploadSweeper

PART = uploads.PART_BYTES
DAY = 86_400_000


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def begin(owner: Person, size: int, name: str = "a.bin", **more: object) -> dict[str, object]:
    answer = owner.post("/api/v1/uploads", json={"name": name, "size": size, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json or {})


def send_parts(owner: Person, upload: dict[str, object], data: bytes) -> None:
    pieces = [data[at : at + PART] for at in range(0, len(data), PART)]
    wanted = [{"number": n, "sha256": sha256(piece)} for n, piece in enumerate(pieces, 1)]
    answer = owner.post(f"/api/v1/uploads/{upload['id']}/parts", json={"parts": wanted})
    assert answer.status_code == 200, answer.text
    for item, piece in zip(answer.json["items"], pieces, strict=True):
        path = item["url"].partition("127.0.0.1:8080")[2]
        assert owner.client.put(path, data=piece, headers=item["headers"]).status_code == 204


def complete(owner: Person, upload: dict[str, object], **body: object):  # type: ignore[no-untyped-def]
    return owner.post(f"/api/v1/uploads/{upload['id']}/complete", json=body)


def test_a_large_file_in_parts_becomes_a_file_once(owner: Person) -> None:
    data = b"x" * PART + b"rest"
    upload = begin(owner, len(data))
    assert (upload["parts"], upload["part_size"], upload["form"]) == (2, PART, None)
    send_parts(owner, upload, data)
    seen = owner.get(f"/api/v1/uploads/{upload['id']}").json
    assert [part["sha256"] for part in seen["stored"]] == [sha256(data[:PART]), sha256(b"rest")]
    assert [one["id"] for one in owner.get("/api/v1/uploads").json["items"]] == [upload["id"]]

    made = complete(owner, upload)

    assert made.status_code == 201
    assert (made.json["size"], made.json["sha256"]) == (len(data), sha256(data))
    assert complete(owner, upload).json == made.json
    assert owner.get(f"/api/v1/files/{made.json['id']}").json == made.json
    assert owner.get("/api/v1/uploads").json["items"] == []
    late = {"parts": [{"number": 1, "sha256": sha256(b"y")}]}
    assert owner.post(f"/api/v1/uploads/{upload['id']}/parts", json=late).status_code == 409
    assert owner.delete(f"/api/v1/uploads/{upload['id']}").status_code == 204
    assert owner.get(f"/api/v1/files/{made.json['id']}").status_code == 200


def test_a_small_file_goes_in_one_form(owner: Person) -> None:
    upload = begin(owner, 3, sha256=sha256(b"abc"))
    form = upload["form"]
    path = form["url"].partition("127.0.0.1:8080")[2]  # type: ignore[index]
    assert complete(owner, upload).status_code == 409
    wrong = {**form["fields"], "file": (io.BytesIO(b"abd"), "x")}  # type: ignore[index]
    assert owner.client.post(path, data=wrong).status_code == 422
    right = {**form["fields"], "file": (io.BytesIO(b"abc"), "x")}  # type: ignore[index]
    assert owner.client.post(path, data=right).status_code == 204
    assert complete(owner, upload).json["sha256"] == sha256(b"abc")


def test_an_empty_file_needs_no_announced_hash(owner: Person) -> None:
    upload = begin(owner, 0)
    form = upload["form"]
    path = form["url"].partition("127.0.0.1:8080")[2]  # type: ignore[index]
    sent = {**form["fields"], "file": (io.BytesIO(b""), "x")}  # type: ignore[index]
    assert owner.client.post(path, data=sent).status_code == 204
    assert complete(owner, upload).json["size"] == 0


def test_the_plans_limit_holds_before_and_after(owner: Person, web_ports: WebPorts) -> None:
    over = owner.post("/api/v1/uploads", json={"name": "a", "size": 25_000_001})
    assert over.status_code == 413
    assert "25,000,000" in over.json["error"]["message"]
    upload = begin(owner, PART + 4)
    send_parts(owner, upload, b"x" * PART + b"rest")
    with web_ports.transactions.read() as session:
        row = session.get_one(Upload, upload["id"])
    store = uploads.Store(web_ports.objects, web_ports.uploads)
    with pytest.raises(TooLarge):  # the plan has been lowered meanwhile
        uploads.complete(web_ports.transactions, store, row, 1000)
    assert web_ports.objects.stat(uploads.key_of(row)) is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "a/b", "size": 1}, 422),
        ({"name": "a", "size": -1}, 422),
        ({"name": "a", "size": 1, "sha256": "x"}, 422),
        ({"name": "", "size": 1}, 422),
    ],
)
def test_what_cannot_be_an_input_is_refused_at_once(
    owner: Person, body: dict[str, object], status: int
) -> None:
    assert owner.post("/api/v1/uploads", json=body).status_code == status
    assert owner.get("/api/v1/uploads").json["items"] == []


def test_missing_foreign_and_impossible_parts_are_refused(owner: Person) -> None:
    data = b"x" * PART + b"rest"
    upload = begin(owner, len(data))
    for number in (3, 10_001):
        body = {"parts": [{"number": number, "sha256": sha256(b"")}]}
        assert owner.post(f"/api/v1/uploads/{upload['id']}/parts", json=body).status_code == 422
    missing = complete(owner, upload)
    assert (missing.status_code, missing.json["error"]["code"]) == (409, "parts")
    send_parts(owner, upload, data)
    other = complete(owner, upload, parts_sha256="0" * 64)
    assert (other.status_code, other.json["error"]["code"]) == (409, "parts")
    ours = of_parts([sha256(data[:PART]), sha256(b"rest")], PART).split("-")[0]
    assert complete(owner, upload, parts_sha256=ours).status_code == 201


def test_bytes_that_are_not_the_announced_ones_make_no_file(
    owner: Person, web_ports: WebPorts
) -> None:
    data = b"x" * PART + b"rest"
    upload = begin(owner, len(data), sha256=sha256(b"something else"))
    send_parts(owner, upload, data)
    answer = complete(owner, upload)
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "bytes")
    assert [one.key for one in web_ports.objects.walk()] == []
    assert complete(owner, upload).status_code == 409


def test_a_completion_whose_answer_was_lost_is_taken_up(owner: Person, web_ports: WebPorts) -> None:
    data = b"x" * PART + b"rest"
    upload = begin(owner, len(data))
    send_parts(owner, upload, data)
    with web_ports.transactions.read() as session:
        row = session.get_one(Upload, upload["id"])
    web_ports.uploads.complete(  # and then the process died
        uploads.key_of(row), str(row.in_store), size=row.size, part_size=row.part_size
    )
    assert complete(owner, upload).json["sha256"] == sha256(data)


def test_the_same_key_begins_one_upload(owner: Person, web_ports: WebPorts) -> None:
    for _ in range(2):
        headers = {"Idempotency-Key": "one"}
        answer = owner.post(
            "/api/v1/uploads", json={"name": "a", "size": PART * 2}, headers=headers
        )
        assert answer.status_code == 201
    assert len(owner.get("/api/v1/uploads").json["items"]) == 1
    assert len(list(web_ports.uploads.unfinished())) == 1


def test_unfinished_uploads_are_bounded(
    owner: Person, web_ports: WebPorts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "OPEN_AT_ONCE", 2)
    for _ in range(2):
        begin(owner, PART * 2)
    assert owner.post("/api/v1/uploads", json={"name": "a", "size": 9}).status_code == 429
    assert len(list(web_ports.uploads.unfinished())) == 2


def test_what_was_given_up_leaves_nothing(owner: Person, web_ports: WebPorts) -> None:
    upload = begin(owner, PART + 4)
    send_parts(owner, upload, b"x" * PART + b"rest")
    assert owner.delete(f"/api/v1/uploads/{upload['id']}").status_code == 204
    assert list(web_ports.uploads.unfinished()) == []
    assert owner.get(f"/api/v1/uploads/{upload['id']}").status_code == 404


def test_the_sweep_ends_old_uploads_and_spares_new_ones(
    owner: Person, web_ports: WebPorts, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = begin(owner, PART * 2), begin(owner, PART * 2)
    store = uploads.Store(web_ports.objects, web_ports.uploads)
    sweeper = UploadSweeper(web_ports.transactions, store)
    assert (sweeper.rows(), sweeper.left_in_the_store()) == (0, 0)
    with web_ports.transactions.begin() as session:
        aged = update(Upload).where(Upload.id == old["id"])
        session.execute(aged.values(created_at=Upload.created_at - 8 * DAY))
    store.uploads.begin("files/of_no_row")
    assert (sweeper.rows(), sweeper.left_in_the_store()) == (1, 0)
    assert [one["id"] for one in owner.get("/api/v1/uploads").json["items"]] == [new["id"]]
    monkeypatch.setattr("web.upload_sweeper.SPARED_MS", -DAY)
    assert sweeper.left_in_the_store() == 1
    assert [found.key for found in store.uploads.unfinished()] != ["files/of_no_row"]
    assert len(list(store.uploads.unfinished())) == 1


@pytest.fixture
def on_s3(
    ministack: str, sqlite_transactions: Transactions, tmp_path: Path
) -> Iterator[tuple[WebPorts, uploads.Store]]:
    store = s3_store(ministack)
    assert isinstance(store.objects, S3Objects) and isinstance(store.uploads, S3Uploads)
    yield (
        make_ports(sqlite_transactions, tmp_path),
        uploads.Store(store.objects, store.uploads),
    )


def test_on_s3_the_hash_of_parts_becomes_the_files_own(
    on_s3: tuple[WebPorts, uploads.Store],
) -> None:
    from tests import factories

    ports, store = on_s3
    data = b"y" * PART + b"rest"
    with ports.transactions.begin() as session:
        account = factories.account(session, "s3@example.org")
    upload = uploads.prepare(store, account, "a.bin", len(data), None)
    with ports.transactions.begin() as session:
        uploads.begin(session, upload)
    pieces = (data[:PART], data[PART:])
    for number, piece in enumerate(pieces, 1):
        signed = uploads.sign(store, upload, number, sha256(piece))
        assert put(signed.url, piece, dict(signed.headers)).status_code == 200
    file = uploads.complete(ports.transactions, store, upload, 25_000_000)
    assert file.sha256 == of_parts([sha256(piece) for piece in pieces], PART)
    hashes = FileHashes(ports.transactions, store.objects)
    assert hashes.fill() == 1
    assert hashes.fill() == 0
    with ports.transactions.read() as session:
        assert session.scalars(select(File.sha256)).all() == [sha256(data)]


def test_on_s3_an_announced_hash_is_checked_against_the_bytes(
    on_s3: tuple[WebPorts, uploads.Store],
) -> None:
    from tests import factories

    ports, store = on_s3
    with ports.transactions.begin() as session:
        account = factories.account(session, "s3@example.org")
    for stated, accepted in ((sha256(b"abc"), True), (sha256(b"abd"), False)):
        upload = uploads.prepare(store, account, "a.bin", 3, None)
        upload.sha256 = stated  # in parts although small
        with ports.transactions.begin() as session:
            uploads.begin(session, upload)
        signed = uploads.sign(store, upload, 1, sha256(b"abc"))
        assert put(signed.url, b"abc", dict(signed.headers)).status_code == 200
        if accepted:
            assert uploads.complete(ports.transactions, store, upload, 100).sha256 == stated
        else:
            with pytest.raises(Exception, match="not the announced"):
                uploads.complete(ports.transactions, store, upload, 100)
            assert store.objects.stat(uploads.key_of(upload)) is None
