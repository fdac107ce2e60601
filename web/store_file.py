"""An upload becomes an object and a row; it goes to disk as it arrives, never whole into memory."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sqlalchemy.orm import Session

from shared.ids import new_id
from shared.schema.runs import File
from web import inputs, jobs, room
from web.refusals import TooLarge

_CHUNK = 256 * 1024


@dataclass(frozen=True)
class Received:
    """A file on disk, gone when the caller is done."""

    path: Path
    size: int
    sha256: str


@contextmanager
def received(source: BinaryIO, limit: int) -> Iterator[Received]:
    """The whole upload in a temporary file; refused as soon as it is larger than `limit`."""
    sha256, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(prefix="toolyard-upload-") as file:
        while data := source.read(_CHUNK):
            size += len(data)
            if size > limit:
                raise TooLarge(
                    f"The file is larger than your plan allows ({limit:,} bytes). Compress it, "
                    "or leave something out.",
                    details={"limit": limit},
                )
            sha256.update(data)
            file.write(data)
        file.flush()
        yield Received(Path(file.name), size, sha256.hexdigest())


def new_key() -> tuple[str, str]:
    """Id and object key of a file that is to be stored."""
    file_id = new_id("file")
    return file_id, f"files/{file_id}"


def add_file(
    session: Session,
    account_id: str,
    file_id: str,
    key: str,
    name: str,
    got: Received,
    *,
    most_bytes: int,
) -> File:
    """The row of a stored object; refused where the account has no room for it."""
    room.check_account(session, account_id, got.size, most_bytes)
    row = File(
        id=file_id,
        account_id=account_id,
        name=inputs.check_name(name),
        size=got.size,
        sha256=got.sha256,
        key=key,
        created_at=jobs.clock(session),
    )
    session.add(row)
    session.flush()
    return row
