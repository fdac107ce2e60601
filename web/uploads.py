"""Files on their way straight to the object store: begun, followed, made into a file, given up.

The plan's limit is checked before (a size is announced, and each URL takes exactly its share of it)
and after (the store itself says what has arrived).
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared.db import Transactions
from shared.ids import new_id
from shared.objects import AlreadyExists, Objects, SignedPut
from shared.schema.accounts import Account
from shared.schema.runs import File, Upload
from shared.uploads import (
    Made,
    NoUpload,
    OtherParts,
    Part,
    SignedPost,
    Uploads,
    WrongParts,
)
from web import inputs, jobs, room
from web.refusals import Absent, Conflict, Gone, Invalid, TooLarge, TooMany

PART_BYTES = 8 << 20
"""A file of at most this goes in one form POST; of a larger one, this is lost at most by a break."""
LARGE_PART_BYTES = 16 << 20
LARGE_BYTES = 256 << 20
"""From here on parts are large: each costs a preflight, a signature and a request, whatever its size."""
MOST_PARTS = 9_000
OPEN_AT_ONCE = 200
URL_SECONDS = 3600
_MIB = 1 << 20
_EMPTY = hashlib.sha256().hexdigest()


@dataclass(frozen=True)
class Store:
    """Where uploads go."""

    objects: Objects
    uploads: Uploads


def part_size_of(size: int) -> int:
    """How large each part is, in whole MiB; S3 takes at most 10,000."""
    usual = PART_BYTES if size < LARGE_BYTES else LARGE_PART_BYTES
    return max(usual, math.ceil(math.ceil(size / MOST_PARTS) / _MIB) * _MIB)


def parts_of(upload: Upload) -> int:
    """How many parts it has."""
    return max(1, math.ceil(upload.size / upload.part_size))


def key_of(upload: Upload) -> str:
    return f"files/{upload.file_id}"


def check(name: str, size: int, limit: int) -> None:
    """Refuse what could never become an input."""
    inputs.check_name(name)
    if size > limit:
        raise TooLarge(
            f"{name[:80]} has {size:,} bytes; your plan allows {limit:,}. Compress it, or leave "
            "something out.",
            details={"bytes": size, "limit": limit},
        )


def prepare(store: Store, account: Account, name: str, size: int, sha256: str | None) -> Upload:
    """An upload that the store knows and no row does yet; after `check`, before `begin`."""
    if size == 0:
        sha256 = _EMPTY
    if sha256 is not None and size > PART_BYTES:
        raise Invalid(  # S3 knows the hash of the parts only, and nothing is read in a request
            f"A file of more than {PART_BYTES:,} bytes goes in parts: leave `sha256` out, and give "
            "`parts_sha256` when you complete it."
        )
    upload = Upload(
        id=new_id("upl"),
        account_id=account.id,
        file_id=new_id("file"),
        name=name,
        size=size,
        sha256=sha256,
        in_store=None,
        part_size=part_size_of(size),
        finished_at=None,
    )
    if sha256 is None:
        upload.in_store = store.uploads.begin(key_of(upload))
    return upload


def begin(session: Session, upload: Upload, most_bytes: int) -> None:
    """Keep it; refused where the account has too many open, or no room for it."""
    room.check_account(session, upload.account_id, upload.size, most_bytes)
    count = select(func.count()).select_from(Upload)
    mine = (Upload.account_id == upload.account_id, Upload.finished_at.is_(None))
    if (session.scalar(count.where(*mine)) or 0) >= OPEN_AT_ONCE:
        raise TooMany(
            f"You have {OPEN_AT_ONCE} unfinished uploads. Finish some, or remove them.",
            retry_after=60,
        )
    upload.created_at = jobs.clock(session)
    session.add(upload)
    session.flush()


def unfinished(
    session: Session, account: Account, *, name: str | None = None, size: int | None = None
) -> Sequence[Upload]:
    """The account's open uploads, newest first; those of one file where name and size are given."""
    chosen = select(Upload).where(Upload.account_id == account.id, Upload.finished_at.is_(None))
    if name is not None:
        chosen = chosen.where(Upload.name == name)
    if size is not None:
        chosen = chosen.where(Upload.size == size)
    newest = chosen.order_by(Upload.created_at.desc(), Upload.id)
    return session.scalars(newest.limit(OPEN_AT_ONCE)).all()


def form(store: Store, upload: Upload) -> SignedPost | None:
    """The form of an upload in one piece."""
    if upload.in_store is not None or upload.sha256 is None or upload.finished_at is not None:
        return None
    return store.uploads.presign_post(
        key_of(upload), size=upload.size, sha256=upload.sha256, seconds=URL_SECONDS
    )


def stored(transactions: Transactions, store: Store, upload: Upload) -> list[Part]:
    """The parts that are there; refused, and given up, where the store has ended the upload."""
    if upload.in_store is None or upload.finished_at is not None:
        return []
    try:
        return store.uploads.parts(key_of(upload), upload.in_store)
    except NoUpload:
        if store.uploads.made(key_of(upload), upload.part_size) is None:
            _ended(transactions, store, upload)
        return []  # its completion has still to be noted


def sign(store: Store, upload: Upload, number: int, sha256: str) -> SignedPut:
    """A URL for one part; its size follows from the announced one."""
    if upload.in_store is None:
        raise Conflict("This upload goes in one piece: send the form that it was given.")
    if upload.finished_at is not None:
        raise Conflict("This upload is complete.", code="complete")
    if not 1 <= number <= parts_of(upload):
        raise Invalid(f"This upload has the parts 1 to {parts_of(upload)}.")
    size = min(upload.part_size, upload.size - (number - 1) * upload.part_size)
    part = Part(number, size, sha256)
    return store.uploads.presign_part(key_of(upload), upload.in_store, part, seconds=URL_SECONDS)


def complete(
    transactions: Transactions,
    store: Store,
    upload: Upload,
    limit: int,
    parts_sha256: str | None = None,
) -> File:
    """The file that it has become, once; refused unless all of it is there, and within the limit.

    Two windows may send files of one name and size at once: `parts_sha256` says which one is meant.
    """
    if upload.finished_at is None:
        size, sha256, parts = _arrived(transactions, store, upload, parts_sha256)
        if size != upload.size or size > limit:
            give_up(transactions, store, upload)
            check(upload.name, size, limit)  # the plan has been lowered meanwhile
            raise TooLarge(f"{size:,} bytes arrived; {upload.size:,} were announced.")
        if upload.in_store is None and sha256 != upload.sha256:
            give_up(transactions, store, upload)
            raise Invalid(
                "The bytes that arrived are not the announced ones. Upload the file again.",
                code="bytes",
            )
        with transactions.begin() as session:
            _finish(session, upload, size, sha256, parts)
    with transactions.read() as session:
        file = session.get(File, upload.file_id)
        made_of = session.scalar(select(Upload.parts_sha256).where(Upload.id == upload.id))
    if file is None or file.deleted_at is not None:
        raise Absent("This file has been deleted.")
    if upload.in_store is not None and parts_sha256 not in (None, made_of):
        raise _other_parts()
    return file


def _arrived(
    transactions: Transactions, store: Store, upload: Upload, parts_sha256: str | None
) -> tuple[int, str, str | None]:
    """Size, hash and hash of parts of what the store holds now, after its parts were put together."""
    key = key_of(upload)
    if upload.in_store is None:
        info = store.objects.stat(key)
        if info is None:
            raise Conflict("Nothing has arrived yet. Send the file, then complete.", code="parts")
        return info.size, info.sha256, None
    made: Made | None
    try:
        made = store.uploads.complete(
            key,
            upload.in_store,
            size=upload.size,
            part_size=upload.part_size,
            parts_sha256=parts_sha256,
        )
    except (NoUpload, AlreadyExists):
        # An earlier try came this far, or it was given up: the object says which.
        made = store.uploads.made(key, upload.part_size)
    except OtherParts as error:
        raise _other_parts() from error
    except WrongParts as error:
        raise Conflict(
            f"{error} Send what is missing, then complete again.", code="parts"
        ) from error
    if made is None:
        _ended(transactions, store, upload)
    return made.size, made.sha256, made.parts_sha256


def _other_parts() -> Conflict:
    return Conflict(
        "Other parts than this file's have arrived. Is it being uploaded twice? Try again.",
        code="parts",
    )


def _ended(transactions: Transactions, store: Store, upload: Upload) -> NoReturn:
    give_up(transactions, store, upload)
    raise Gone("This upload has ended. Begin a new one.")


def _finish(session: Session, upload: Upload, size: int, sha256: str, parts: str | None) -> None:
    now = jobs.clock(session)
    taken = session.execute(
        update(Upload)
        .where(Upload.id == upload.id, Upload.finished_at.is_(None))
        .values(finished_at=now, parts_sha256=parts)
        .returning(Upload.id)
    ).first()
    if taken is None:
        return  # another request was first, or it was given up
    session.add(
        File(
            id=upload.file_id,
            account_id=upload.account_id,
            name=upload.name,
            size=size,
            sha256=sha256,
            key=key_of(upload),
            created_at=now,
        )
    )


def give_up(transactions: Transactions, store: Store, upload: Upload) -> None:
    """Forget an unfinished upload and what has arrived of it; a finished one stays a file."""
    with transactions.begin() as session:
        row = session.get(Upload, upload.id, with_for_update=True)
        if row is None or row.finished_at is not None:
            return
        session.delete(row)
    forget(store, upload)


def forget(store: Store, upload: Upload) -> None:
    """Take what has arrived out of the store."""
    if upload.in_store is not None:
        store.uploads.abort(key_of(upload), upload.in_store)
    store.objects.delete(key_of(upload))
