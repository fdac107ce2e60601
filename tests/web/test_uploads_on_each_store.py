"""Two windows with one upload, uploads that their store has ended, and hashes beside the way: on both stores."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from sqlalchemy import func, select

from shared.db import Transactions
from shared.objects import Objects
from shared.schema.accounts import Account
from shared.schema.runs import File, Upload
from shared.uploads import Part, of_parts, over
from shared.uploads_disk import DiskUploads
from tests import factories
from tests.contracts.stores import disk_store, put, s3_store
from tests.fake_objects import MemoryObjects
from web import uploads
from web.file_hashes import FileHashes
from web.refusals import Conflict, Gone
from web.sweeper import SPARED_MS, Sweeper

PART = uploads.PART_BYTES
LIMIT = 25_000_000
FIRST, LAST = b"y" * PART, b"rest"
OURS, THEIRS = (FIRST, LAST), (FIRST, b"REST")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def named(pieces: tuple[bytes, ...]) -> str:
    return over([sha256(piece) for piece in pieces])


class World:
    """One account's uploads into one store."""

    def __init__(self, transactions: Transactions, store: uploads.Store) -> None:
        self.transactions, self.store = transactions, store
        with transactions.begin() as session:
            self.account: Account = factories.account(session, "windows@example.org")

    def begin(self) -> Upload:
        size = len(FIRST) + len(LAST)
        upload = uploads.prepare(self.store, self.account, "a.bin", size, None)
        with self.transactions.begin() as session:
            uploads.begin(session, upload, 1 << 40)
        return upload

    def send(self, upload: Upload, *pieces: bytes) -> None:
        for number, piece in enumerate(pieces, 1):
            if isinstance(self.store.uploads, DiskUploads):
                part = Part(number, len(piece), sha256(piece))
                key = uploads.key_of(upload)
                self.store.uploads.receive_part(key, str(upload.in_store), part, io.BytesIO(piece))
            else:
                signed = uploads.sign(self.store, upload, number, sha256(piece))
                assert put(signed.url, piece, dict(signed.headers)).status_code == 200

    def complete(self, upload: Upload, pieces: tuple[bytes, ...] | None) -> File:
        stated = None if pieces is None else named(pieces)
        return uploads.complete(self.transactions, self.store, upload, LIMIT, stated)

    def completed_in_the_store(self, upload: Upload) -> None:
        """And then the process died."""
        self.store.uploads.complete(
            uploads.key_of(upload),
            str(upload.in_store),
            size=upload.size,
            part_size=upload.part_size,
        )

    def row(self, upload: Upload) -> Upload | None:
        with self.transactions.read() as session:
            return session.get(Upload, upload.id)


@pytest.fixture(params=["disk", "ministack"])
def world(
    request: pytest.FixtureRequest, sqlite_transactions: Transactions, tmp_path: Path
) -> Iterator[World]:
    found = (
        disk_store(tmp_path)
        if request.param == "disk"
        else s3_store(request.getfixturevalue("ministack"))
    )
    yield World(sqlite_transactions, uploads.Store(found.objects, found.uploads))


def test_another_window_gets_no_other_files_bytes(world: World) -> None:
    upload = world.begin()
    seen_before = world.row(upload)
    assert seen_before is not None
    world.send(upload, *OURS)
    with pytest.raises(Conflict, match="Other parts"):
        world.complete(upload, THEIRS)
    seen_then = world.row(upload)
    assert seen_then is not None and seen_then.finished_at is None
    made = world.complete(upload, OURS)
    for seen in (seen_before, world.row(upload)):
        assert seen is not None
        with pytest.raises(Conflict, match="Other parts"):
            world.complete(seen, THEIRS)
        assert world.complete(seen, OURS).id == made.id
        assert world.complete(seen, None).id == made.id


def test_a_completion_that_was_not_noted_is_compared_too(world: World) -> None:
    upload = world.begin()
    world.send(upload, *OURS)
    world.completed_in_the_store(upload)
    with pytest.raises(Conflict, match="Other parts"):
        world.complete(upload, THEIRS)
    row = world.row(upload)
    assert row is not None
    assert world.complete(row, OURS).size == upload.size


def test_an_upload_that_the_store_has_ended_is_given_up(world: World) -> None:
    for told_by_completing in (False, True):
        upload = world.begin()
        world.send(upload, FIRST)
        world.store.uploads.abort(uploads.key_of(upload), str(upload.in_store))
        with pytest.raises(Gone):
            if told_by_completing:
                world.complete(upload, OURS)
            else:
                uploads.stored(world.transactions, world.store, upload)
        assert world.row(upload) is None


def test_one_whose_completion_was_not_noted_is_not_given_up(world: World) -> None:
    upload = world.begin()
    world.send(upload, *OURS)
    world.completed_in_the_store(upload)
    assert uploads.stored(world.transactions, world.store, upload) == []
    assert world.complete(upload, OURS).size == upload.size


def test_the_sweep_spares_the_object_of_an_upload_that_is_not_noted_yet(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, given_up = world.begin(), world.begin()
    for one in (upload, given_up):
        world.send(one, *OURS)
        world.completed_in_the_store(one)
    with world.transactions.begin() as session:
        session.delete(session.get_one(Upload, given_up.id))
    monkeypatch.setattr("web.sweeper.SPARED_MS", SPARED_MS * -1)  # S3's date is the beginning's
    assert Sweeper(world.transactions, world.store.objects).objects() == 1
    assert [found.key for found in world.store.objects.walk()] == [uploads.key_of(upload)]
    world.complete(upload, OURS)
    assert Sweeper(world.transactions, world.store.objects).objects() == 0


def test_no_completion_reads_a_file_of_s3(
    ministack: str, sqlite_transactions: Transactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = s3_store(ministack)
    world = World(sqlite_transactions, uploads.Store(found.objects, found.uploads))
    upload = world.begin()
    world.send(upload, *OURS)
    world.completed_in_the_store(upload)
    monkeypatch.setattr(found.objects, "open", None)
    assert world.complete(upload, OURS).sha256 == f"{named(OURS)}-{PART}"


def test_on_s3_the_hash_of_parts_becomes_the_files_own(
    ministack: str, sqlite_transactions: Transactions
) -> None:
    found = s3_store(ministack)
    world = World(sqlite_transactions, uploads.Store(found.objects, found.uploads))
    upload = world.begin()
    world.send(upload, *OURS)
    file = world.complete(upload, OURS)
    assert file.sha256 == of_parts([sha256(piece) for piece in OURS], PART)
    hashes = FileHashes(world.transactions, world.store.objects)
    assert hashes.once() == 1
    assert hashes.once() == 0
    with world.transactions.read() as session:
        assert session.scalars(select(File.sha256)).all() == [sha256(FIRST + LAST)]


class Faulty(MemoryObjects):
    """Counts what is opened; some of it cannot be read."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    def open(self, key: str) -> BinaryIO:
        self.opened.append(key)
        if key.endswith("unreadable"):
            raise OSError("the disk is broken")
        return super().open(key)


def hashed(transactions: Transactions, objects: MemoryObjects, **contents: bytes) -> None:
    """Files whose hash is that of one part of `PART` bytes."""
    stated = of_parts([sha256(b"right")], PART)
    with transactions.begin() as session:
        account = factories.account(session, "hashes@example.org")
        for name, data in contents.items():
            file = factories.file(session, account)
            file.key, file.sha256 = f"files/{name}", stated
            objects.bytes[file.key] = data
            session.add(
                Upload(
                    id=f"upl_{name}",
                    account_id=account.id,
                    file_id=file.id,
                    name=name,
                    size=5,
                    part_size=PART,
                    created_at=1,
                    finished_at=1,
                )
            )


def unhashed(transactions: Transactions) -> int:
    with transactions.read() as session:
        count = select(func.count()).select_from(File).where(File.sha256.contains("-"))
        return session.scalar(count) or 0


def test_a_file_that_cannot_be_hashed_keeps_no_other_waiting_and_is_read_ever_more_seldom(
    sqlite_transactions: Transactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects, now = Faulty(), 1000.0
    hashed(sqlite_transactions, objects, unreadable=b"", differing=b"wrong", sound=b"right")
    monkeypatch.setattr("web.file_hashes.time.monotonic", lambda: now)
    hashes = FileHashes(sqlite_transactions, objects, period=10)
    assert (hashes.once(), unhashed(sqlite_transactions)) == (1, 2)
    objects.opened.clear()
    for _ in range(16):  # 160 s
        now += 10
        hashes.once()
    assert sorted(objects.opened) == sorted(["files/unreadable", "files/differing"] * 4)


def test_a_stop_is_heard_in_the_middle_of_a_file(sqlite_transactions: Transactions) -> None:
    class Stopping(MemoryObjects):
        def open(self, key: str) -> BinaryIO:
            hashes.stop()
            return super().open(key)

    objects: Objects = Stopping()
    hashes = FileHashes(sqlite_transactions, objects)
    assert isinstance(objects, MemoryObjects)
    hashed(sqlite_transactions, objects, sound=b"right")
    assert hashes.once() == 0
    assert unhashed(sqlite_transactions) == 1
