"""Uploads into the folder store: parts are files until they are put together; web takes them in.

An upload is a folder `.uploads/<id>` with a file `<number>-<sha256>` for each part.
"""

import io
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from shared.objects import NotFound, SignedPut, check_key
from shared.objects_disk import DiskObjects, Grant, write
from shared.uploads import (
    OCTETS,
    Made,
    NoUpload,
    OtherParts,
    Part,
    SignedPost,
    Unfinished,
    check_whole,
    hashes,
)

_ID = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"([0-9]+)-([0-9a-f]{64})")


class DiskUploads:
    """Uploads in `.uploads`; `objects` are what they become, in the same folder."""

    def __init__(self, objects: DiskObjects) -> None:
        self._root = objects.root / ".uploads"
        self._root.mkdir(mode=0o700, exist_ok=True)
        self.objects = objects

    def begin(self, key: str) -> str:
        """A new upload in parts; its id."""
        upload = secrets.token_hex(16)
        folder = self._root / upload
        folder.mkdir(mode=0o700)
        (folder / "key").write_text(check_key(key))
        return upload

    def presign_part(self, key: str, upload: str, part: Part, *, seconds: int) -> SignedPut:
        """A URL that takes exactly this part; the same number again replaces it."""
        grant = Grant(
            "PUT",
            key,
            self.objects.expiry(seconds),
            size=part.size,
            sha256=part.sha256,
            upload=upload,
            part=part.number,
        )
        return SignedPut(self.objects.signed(grant))

    def receive_part(self, key: str, upload: str, part: Part, source: BinaryIO) -> None:
        """Keep a part that arrives; raises `WrongBytes` unless it is the announced one, `NoUpload`."""
        folder = self._folder(key, upload)
        arriving = folder / f".{secrets.token_hex(8)}"
        try:
            # Not yet durable: whole objects are, and a part that a crash took is sent again.
            write(arriving, source, size=part.size, sha256=part.sha256, durable=False)
            kept = folder / f"{part.number}-{part.sha256}"
            arriving.rename(kept)
            for other in folder.glob(f"{part.number}-*"):
                if other != kept:
                    other.unlink(missing_ok=True)
        except FileNotFoundError as error:  # given up meanwhile
            raise NoUpload(upload) from error
        finally:
            arriving.unlink(missing_ok=True)

    def parts(self, key: str, upload: str) -> list[Part]:
        """What is there, by number; raises `NoUpload`."""
        while True:
            try:
                return [part for part, _ in self._kept(key, upload)]
            except FileNotFoundError:  # one was replaced, or it was given up, at this moment
                continue

    def complete(
        self, key: str, upload: str, *, size: int, part_size: int, parts_sha256: str | None = None
    ) -> Made:
        """Make the object of its parts, once, and with the SHA-256 of the whole.

        A part's file is named for its bytes: one that is replaced meanwhile is missed, never mixed in.
        """
        try:
            kept = self._kept(key, upload)
            found = check_whole([part for part, _ in kept], size, part_size, parts_sha256)
            with _Joined([path for _, path in kept]) as whole:
                info = self.objects.receive(key, cast(BinaryIO, whole), size=size)
        except FileNotFoundError as error:
            self._folder(key, upload)
            raise OtherParts from error
        self.abort(key, upload)
        return Made(info.size, info.sha256, found)

    def made(self, key: str, part_size: int) -> Made | None:
        """What an earlier `complete` has made; it is read, as no part of it is left."""
        try:
            with self.objects.open(key) as source:
                whole, parts = hashes(source, part_size)
                return Made(source.tell(), whole, parts.partition("-")[0])
        except NotFound:
            return None

    def abort(self, key: str, upload: str) -> None:
        """Give it up; what has arrived is deleted, an unknown upload is fine."""
        try:
            folder = self._folder(key, upload)
        except NoUpload:
            return
        shutil.rmtree(folder, ignore_errors=True)

    def unfinished(self) -> Iterator[Unfinished]:
        """Every upload in parts that is open."""
        for folder in sorted(self._root.iterdir()):
            try:
                started = (folder / "key").stat().st_mtime_ns // 1_000_000
                yield Unfinished((folder / "key").read_text(), folder.name, started)
            except (FileNotFoundError, NotADirectoryError):
                continue

    def presign_post(
        self, key: str, *, size: int, sha256: str, seconds: int, media_type: str = OCTETS
    ) -> SignedPost:
        """A form that takes exactly these bytes under this type."""
        expiry = self.objects.expiry(seconds)
        grant = Grant("POST", key, expiry, size=size, sha256=sha256, media_type=media_type)
        return SignedPost(self.objects.signed(grant), {"Content-Type": media_type})

    def _kept(self, key: str, upload: str) -> list[tuple[Part, Path]]:
        found = []
        for path in self._folder(key, upload).iterdir():
            if match := _NAME.fullmatch(path.name):
                found.append((Part(int(match[1]), path.stat().st_size, match[2]), path))
        return sorted(found, key=lambda one: one[0].number)

    def _folder(self, key: str, upload: str) -> Path:
        folder = self._root / upload
        try:
            if _ID.fullmatch(upload) and (folder / "key").read_text() == key:
                return folder
        except FileNotFoundError:
            pass
        raise NoUpload(upload)


class _Joined(io.RawIOBase):
    """Several files read as one."""

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__()
        self._left = list(paths)
        self._file: BinaryIO | None = None

    def read(self, size: int = -1) -> bytes:
        while True:
            if self._file is None:
                if not self._left:
                    return b""
                self._file = self._left.pop(0).open("rb")
            if data := self._file.read(size):
                return data
            self._done()

    def close(self) -> None:
        self._done()
        super().close()

    def _done(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None
