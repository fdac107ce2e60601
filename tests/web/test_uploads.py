"""Uploads through the API, on the folder store: limits before and after, repeats, and who may do what."""

import hashlib
import io
from pathlib import Path

import pytest
from sqlalchemy import update

from shared.db import Transactions
from shared.schema.runs import Upload
from shared.uploads import of_parts
from tests.web.conftest import Person, make_person, make_ports
from web import uploads
from web.flask_app import create_app
from web.ports import WebPorts
from web.refusals import TooLarge
from web.upload_sweeper import UploadSweeper

PART = uploads.PART_BYTES
DAY = 86_400_000
MIB, GIB = 1 << 20, 1 << 30


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
    with pytest.raises(TooLarge, match=r"your plan allows 1,000\."):  # lowered meanwhile
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


def test_a_file_in_parts_announces_no_hash_of_the_whole(owner: Person, web_ports: WebPorts) -> None:
    body = {"name": "a", "size": PART + 1, "sha256": sha256(b"")}
    answer = owner.post("/api/v1/uploads", json=body)
    assert (answer.status_code, "parts_sha256" in answer.text) == (422, True)
    assert list(web_ports.uploads.unfinished()) == []


def test_bytes_that_are_not_the_announced_ones_make_no_file(
    owner: Person, web_ports: WebPorts, tmp_path: Path
) -> None:
    upload = begin(owner, 3, sha256=sha256(b"abc"))
    with web_ports.transactions.read() as session:
        key = uploads.key_of(session.get_one(Upload, upload["id"]))
    (tmp_path / "x").write_bytes(b"abd")
    web_ports.objects.put(key, tmp_path / "x")
    answer = complete(owner, upload)
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "bytes")
    assert [one.key for one in web_ports.objects.walk()] == []
    assert complete(owner, upload).status_code == 404


def test_completions_are_counted_against_the_rate(
    transactions: Transactions, tmp_path: Path
) -> None:
    app = create_app(make_ports(transactions, tmp_path, runs_per_minute=1))
    person = make_person(app, "often@example.org")
    upload = begin(person, 3, sha256=sha256(b"abc"))
    assert [complete(person, upload).status_code for _ in range(4)] == [409, 409, 409, 429]


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


@pytest.mark.parametrize(
    ("size", "part"),
    [(20 * MIB, 8), (256 * MIB - 1, 8), (256 * MIB, 16), (1000 * GIB, 114), (4000 * GIB, 456)],
)
def test_large_files_go_in_large_parts_and_never_in_more_than_s3_takes(
    size: int, part: int
) -> None:
    assert uploads.part_size_of(size) == part * MIB
    assert size / (part * MIB) <= 10_000
