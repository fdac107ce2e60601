"""What every implementation of the uploads port promises; refusals are asked of stores that check signatures."""

import hashlib
import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from shared.objects import AlreadyExists, ObjectInfo
from shared.objects_disk import DiskObjects
from shared.objects_open import Store
from shared.objects_s3 import S3Objects, to_base64
from shared.uploads import (
    Made,
    NoUpload,
    OtherParts,
    Part,
    WrongParts,
    hashes,
    is_of_parts,
    of_parts,
    over,
    same,
)
from shared.uploads_disk import DiskUploads
from tests.contracts.stores import post, put, s3_store, served

PART = 5 << 20
"""S3's smallest part, but for the last."""
FIRST, LAST = b"a" * PART, b"the end"
SIZE = PART + len(LAST)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(params=["disk", "ministack"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Not on moto: it lists no checksums of parts, and takes whatever was signed otherwise."""
    if request.param == "disk":
        with served(tmp_path) as found:
            yield found
    else:
        yield s3_store(request.getfixturevalue("ministack"))


def send(store: Store, upload: str, number: int, data: bytes) -> int:
    part = Part(number, len(data), sha256(data))
    signed = store.uploads.presign_part("files/f", upload, part, seconds=60)
    return put(signed.url, data, dict(signed.headers)).status_code // 100


def test_parts_in_any_order_become_the_object(store: Store, tmp_path: Path) -> None:
    upload = store.uploads.begin("files/f")
    assert send(store, upload, 2, LAST) == 2
    assert store.uploads.parts("files/f", upload) == [Part(2, len(LAST), sha256(LAST))]
    assert send(store, upload, 1, b"b" * PART) == 2
    assert send(store, upload, 1, FIRST) == 2  # the same number again replaces it
    assert [p.sha256 for p in store.uploads.parts("files/f", upload)] == [
        sha256(FIRST),
        sha256(LAST),
    ]
    assert [(u.key, u.upload) for u in store.uploads.unfinished()] == [("files/f", upload)]

    info = store.uploads.complete("files/f", upload, size=SIZE, part_size=PART)

    whole = sha256(FIRST + LAST)
    assert info.size == SIZE
    assert info.sha256 in (whole, of_parts([sha256(FIRST), sha256(LAST)], PART))
    assert store.objects.stat("files/f") == ObjectInfo(SIZE, whole)
    assert list(store.uploads.unfinished()) == []
    store.objects.get("files/f", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == FIRST + LAST


def test_the_whole_is_refused_while_parts_are_missing(store: Store) -> None:
    upload = store.uploads.begin("files/f")
    for sent in (None, (2, LAST)):
        if sent:
            send(store, upload, *sent)
        with pytest.raises(WrongParts):
            store.uploads.complete("files/f", upload, size=SIZE, part_size=PART)
    send(store, upload, 1, FIRST)
    with pytest.raises(WrongParts):
        store.uploads.complete("files/f", upload, size=SIZE - 1, part_size=PART)
    assert store.objects.stat("files/f") is None
    store.uploads.complete("files/f", upload, size=SIZE, part_size=PART)


def test_only_the_parts_that_the_client_has_sent_are_put_together(store: Store) -> None:
    upload = store.uploads.begin("files/f")
    send(store, upload, 1, FIRST)
    send(store, upload, 2, LAST)
    theirs, ours = over([sha256(FIRST), sha256(b"the END")]), over([sha256(FIRST), sha256(LAST)])
    with pytest.raises(OtherParts):
        store.uploads.complete("files/f", upload, size=SIZE, part_size=PART, parts_sha256=theirs)
    assert store.uploads.made("files/f", PART) is None
    made = store.uploads.complete("files/f", upload, size=SIZE, part_size=PART, parts_sha256=ours)
    assert isinstance(made, Made) and (made.size, made.parts_sha256) == (SIZE, ours)
    assert store.uploads.made("files/f", PART) == made


def test_a_part_that_is_replaced_after_the_look_is_not_put_into_the_object(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = store.uploads.begin("files/f")
    send(store, upload, 1, FIRST)
    send(store, upload, 2, LAST)
    look = "_kept" if hasattr(store.uploads, "_kept") else "_listed"
    found = getattr(store.uploads, look)("files/f", upload)

    def then_another_window_sends(*_: object) -> object:
        send(store, upload, 2, b"the END")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(store.uploads, look, then_another_window_sends)
        with pytest.raises(OtherParts):
            store.uploads.complete("files/f", upload, size=SIZE, part_size=PART)
    assert store.uploads.made("files/f", PART) is None
    made = store.uploads.complete("files/f", upload, size=SIZE, part_size=PART)
    assert made.parts_sha256 == over([sha256(FIRST), sha256(b"the END")])


def test_a_part_that_is_replaced_while_it_is_listed_is_no_fault(tmp_path: Path) -> None:
    uploads = DiskUploads(DiskObjects(tmp_path, "key", "http://127.0.0.1:1"))
    upload = uploads.begin("files/f")
    ended = threading.Event()

    def replaces() -> None:
        while not ended.is_set():
            for data in (b"a", b"b"):
                part = Part(1, 1, sha256(data))
                uploads.receive_part("files/f", upload, part, io.BytesIO(data))

    other = threading.Thread(target=replaces)
    other.start()
    try:
        for _ in range(2000):
            uploads.parts("files/f", upload)
    finally:
        ended.set()
        other.join()


def test_what_s3_made_of_parts_is_told_without_reading_it(
    ministack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = s3_store(ministack)
    assert isinstance(store.objects, S3Objects)
    upload = store.uploads.begin("files/f")
    send(store, upload, 1, LAST)
    store.uploads.complete("files/f", upload, size=len(LAST), part_size=PART)
    monkeypatch.setattr(store.objects.client, "get_object", None)
    found = over([sha256(LAST)])
    assert store.uploads.made("files/f", PART) == Made(len(LAST), f"{found}-{PART}", found)


def test_what_was_given_up_is_gone(store: Store) -> None:
    upload = store.uploads.begin("files/f")
    send(store, upload, 1, LAST)
    with pytest.raises(NoUpload):
        store.uploads.parts("files/g", upload)
    store.uploads.abort("files/f", upload)
    store.uploads.abort("files/f", upload)
    assert list(store.uploads.unfinished()) == []
    with pytest.raises(NoUpload):
        store.uploads.parts("files/f", upload)
    with pytest.raises(NoUpload):
        store.uploads.complete("files/f", upload, size=len(LAST), part_size=PART)
    assert send(store, upload, 1, LAST) == 4


def test_an_object_is_not_replaced_by_an_upload(store: Store, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"other")
    store.objects.put("files/f", tmp_path / "x")
    upload = store.uploads.begin("files/f")
    send(store, upload, 1, LAST)
    with pytest.raises(AlreadyExists):
        store.uploads.complete("files/f", upload, size=len(LAST), part_size=PART)
    with store.objects.open("files/f") as file:
        assert file.read() == b"other"


def test_a_part_is_taken_only_as_it_was_signed(store: Store) -> None:
    upload = store.uploads.begin("files/f")
    other = store.uploads.begin("files/f")
    part = Part(1, len(LAST), sha256(LAST))
    signed = store.uploads.presign_part("files/f", upload, part, seconds=60)
    headers = dict(signed.headers)
    for data in (LAST + b"x", LAST[:-1], b"x" * len(LAST)):
        assert put(signed.url, data, headers).status_code in (400, 403, 422)
    if headers:  # other bytes, honestly announced
        forged = {"x-amz-checksum-sha256": to_base64(sha256(b"x" * len(LAST)))}
        assert put(signed.url, b"x" * len(LAST), forged).status_code == 403
        assert "SignedHeaders=content-length%3B" in signed.url
    for before, after in (("=1", "=2"), (upload, other), ("files/f", "files/g")):
        for url in {signed.url.replace(before, after, 1)} - {signed.url}:
            assert put(url, LAST, headers).status_code == 403
    assert store.uploads.parts("files/f", upload) == []
    assert store.uploads.parts("files/f", other) == []


def test_a_form_takes_the_bytes(store: Store) -> None:
    form = store.uploads.presign_post("files/f", size=len(LAST), sha256=sha256(LAST), seconds=60)
    assert post(form.url, dict(form.fields), LAST).status_code == 204
    assert store.objects.stat("files/f") == ObjectInfo(len(LAST), sha256(LAST))


def test_a_form_takes_no_other_size_type_or_key(store: Store) -> None:
    form = store.uploads.presign_post("files/f", size=len(LAST), sha256=sha256(LAST), seconds=60)
    fields = dict(form.fields)
    assert post(form.url, fields, LAST + b"x").status_code in (400, 413, 422)
    assert post(form.url, fields, LAST[:-1]).status_code in (400, 422)
    assert post(form.url, {**fields, "Content-Type": "text/html"}, LAST).status_code == 403
    if "key" in fields:
        forged = {**fields, "key": fields["key"].replace("files/f", "files/g")}
        assert post(form.url, forged, LAST).status_code == 403
    else:
        assert post(form.url.replace("files/f", "files/g"), fields, LAST).status_code == 403
    assert store.objects.stat("files/f") is None


def test_nothing_is_taken_or_given_after_its_time(store: Store) -> None:
    upload = store.uploads.begin("files/f")
    size, digest = len(LAST), sha256(LAST)
    part = store.uploads.presign_part("files/f", upload, Part(1, size, digest), seconds=1)
    form = store.uploads.presign_post("files/g", size=size, sha256=digest, seconds=1)
    whole = store.objects.presign_put("files/h", size=size, sha256=digest, seconds=1)
    got = store.objects.presign_get("files/h", seconds=1)
    time.sleep(2.1)
    assert put(part.url, LAST, dict(part.headers)).status_code == 403
    assert post(form.url, dict(form.fields), LAST).status_code == 403
    assert put(whole.url, LAST, dict(whole.headers)).status_code == 403
    assert httpx.get(got).status_code == 403
    assert store.uploads.parts("files/f", upload) == []
    assert list(store.objects.walk()) == []


def test_the_hash_of_parts_names_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"aaaabbbbc")
    with path.open("rb") as file:
        whole, parted = hashes(file, 4)
        assert whole == sha256(b"aaaabbbbc")
        assert parted == of_parts([sha256(b"aaaa"), sha256(b"bbbb"), sha256(b"c")], 4)
        assert is_of_parts(parted) and not is_of_parts(whole)
        assert same(file, whole, whole) and same(file, whole, parted)
        assert not same(file, whole, of_parts([sha256(b"aaaa")], 4))
        assert not same(file, sha256(b"x"), whole)
