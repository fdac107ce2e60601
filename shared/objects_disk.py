"""Objects in a folder; signed URLs are served by web (`web/objects_route.py`).

An object is a folder `<key>@` that holds one file named by the SHA-256 of its bytes: renaming
the folder into place writes the object at once, once, and with its hash.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, urlencode

from shared.clock import Clock, SystemClock
from shared.objects import AlreadyExists, NotFound, ObjectInfo, StoredObject

_KEY = re.compile(r"(?!.{513})[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_PART = 1 << 18
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class BadKey(ValueError):
    """No object can have that key."""


class WrongBytes(Exception):
    """What arrived has not the size or hash that was announced."""


class BadSignature(Exception):
    """The URL was not signed by us for this, or has expired."""


@dataclass(frozen=True)
class Grant:
    """What one signed URL allows."""

    method: str
    key: str
    expires: int
    size: int | None = None
    sha256: str | None = None
    filename: str | None = None


class DiskObjects:
    """Objects below `root`, which nobody else writes to; `url` is where web answers."""

    def __init__(self, root: Path, signing_key: str, url: str, clock: Clock | None = None) -> None:
        self._root = root
        self._url = url.rstrip("/")
        self._signing_key = hashlib.sha256(b"objects:" + signing_key.encode()).digest()
        self._clock = clock or SystemClock()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        (root / ".incoming").mkdir(mode=0o700, exist_ok=True)

    # Bytes

    def put(self, key: str, path: Path) -> ObjectInfo:
        """Store a file; the same bytes again are fine, other bytes raise `AlreadyExists`."""
        with path.open("rb") as source:
            return self.receive(key, source)

    def receive(
        self, key: str, source: BinaryIO, *, size: int | None = None, sha256: str | None = None
    ) -> ObjectInfo:
        """Store what a stream gives; raises `WrongBytes` unless it has exactly this size and hash."""
        *parents, last = _parts(key)
        folder = self._root / ".incoming" / secrets.token_hex(16)
        folder.mkdir(mode=0o700)
        try:
            info = _write(folder / "part", source, size)
            if sha256 is not None and info.sha256 != sha256:
                raise WrongBytes(f"The bytes have another SHA-256 than announced: {info.sha256}.")
            (folder / "part").rename(folder / info.sha256)
            _sync(folder)
            with self._folder(parents, make=True) as parent:
                try:
                    os.rename(folder, f"{last}@", dst_dir_fd=parent)
                except OSError as error:
                    found = self.stat(key)
                    if found is None:
                        raise
                    if found != info:
                        raise AlreadyExists(key) from error
                os.fsync(parent)
            return info
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def get(self, key: str, path: Path) -> None:
        """Write the object to a file; raises `NotFound`."""
        with self.open(key) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, _PART)

    def open(self, key: str) -> BinaryIO:
        """A seekable reader; raises `NotFound`."""
        with self._object(key) as (folder, name):
            try:
                return os.fdopen(os.open(name, _FILE, dir_fd=folder), "rb")
            except FileNotFoundError as error:
                raise NotFound(key) from error

    def stat(self, key: str) -> ObjectInfo | None:
        try:
            with self._object(key) as (folder, name):
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except (NotFound, FileNotFoundError):
            return None
        return (
            ObjectInfo(size=status.st_size, sha256=name) if stat.S_ISREG(status.st_mode) else None
        )

    def delete(self, key: str) -> None:
        """Gone when it returns; a missing key is fine. Readers that have it open read on."""
        *parents, last = _parts(key)
        trash = self._root / ".incoming" / secrets.token_hex(16)
        try:
            with self._folder(parents) as parent:
                os.rename(f"{last}@", trash, src_dir_fd=parent)
                os.fsync(parent)
        except FileNotFoundError:
            return
        shutil.rmtree(trash, ignore_errors=True)

    def walk(self) -> Iterator[StoredObject]:
        """Every object, those of one folder together; what comes and goes meanwhile may be missed."""
        for place, folders, _ in os.walk(self._root):
            at = Path(place).relative_to(self._root)
            objects = [name for name in folders if name.endswith("@")]
            folders[:] = sorted(n for n in folders if not n.endswith("@") and n != ".incoming")
            for name in sorted(objects):
                try:
                    stored = Path(place, name).lstat().st_mtime_ns
                except FileNotFoundError:
                    continue
                yield StoredObject((at / name.removesuffix("@")).as_posix(), stored // 1_000_000)

    # URLs

    def presign_put(self, key: str, *, size: int, sha256: str, seconds: int) -> str:
        """A URL that takes one PUT of exactly these bytes."""
        return self._signed(Grant("PUT", key, self._expiry(seconds), size=size, sha256=sha256))

    def presign_get(self, key: str, *, seconds: int, filename: str | None = None) -> str:
        """A URL that gives the bytes, as a download named `filename` if given."""
        return self._signed(Grant("GET", key, self._expiry(seconds), filename=filename))

    def verify(self, grant: Grant, signature: str) -> None:
        """Raise `BadSignature` unless we signed exactly this and it has not expired."""
        if not hmac.compare_digest(self._mark(grant).encode(), signature.encode()):
            raise BadSignature("The link is not valid. Open the page again to get a new one.")
        if grant.expires < self._clock.now_ms() // 1000:
            raise BadSignature("The link has expired. Open the page again to get a new one.")

    def _expiry(self, seconds: int) -> int:
        return self._clock.now_ms() // 1000 + seconds

    def _signed(self, grant: Grant) -> str:
        _parts(grant.key)
        query: dict[str, str | int] = {"expires": grant.expires}
        if grant.size is not None and grant.sha256 is not None:
            query |= {"size": grant.size, "sha256": grant.sha256}
        if grant.filename is not None:
            query["filename"] = grant.filename
        query["signature"] = self._mark(grant)
        return f"{self._url}/objects/{quote(grant.key)}?{urlencode(query, errors='replace')}"

    def _mark(self, grant: Grant) -> str:
        filename = None
        if grant.filename is not None:
            filename = grant.filename.encode(errors="replace").decode()
        what = [grant.method, grant.key, grant.expires, grant.size, grant.sha256, filename]
        return hmac.new(self._signing_key, json.dumps(what).encode(), hashlib.sha256).hexdigest()

    # Paths, resolved from the root down without following any link

    @contextmanager
    def _folder(self, names: list[str], *, make: bool = False) -> Iterator[int]:
        descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in names:
                if make:
                    try:
                        os.mkdir(name, 0o700, dir_fd=descriptor)
                        os.fsync(descriptor)
                    except FileExistsError:
                        pass
                inner = os.open(name, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def _object(self, key: str) -> Iterator[tuple[int, str]]:
        *parents, last = _parts(key)
        try:
            with self._folder([*parents, f"{last}@"]) as folder:
                with os.scandir(folder) as entries:
                    names = [entry.name for entry in entries]
                if not names:
                    raise NotFound(key)
                yield folder, names[0]
        except FileNotFoundError as error:
            raise NotFound(key) from error


def _parts(key: str) -> list[str]:
    if not _KEY.fullmatch(key):
        raise BadKey(f"{key[:200]!r} is no key: letters, digits, '.', '_', '-' between slashes.")
    return key.split("/")


def _write(path: Path, source: BinaryIO, size: int | None) -> ObjectInfo:
    digest, written = hashlib.sha256(), 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        while part := source.read(_PART):
            written += len(part)
            if size is not None and written > size:
                raise WrongBytes(f"More than the announced {size} bytes arrived.")
            digest.update(part)
            target.write(part)
        if size is not None and written != size:
            raise WrongBytes(f"{written} of the announced {size} bytes arrived.")
        target.flush()
        os.fsync(target.fileno())
    return ObjectInfo(size=written, sha256=digest.hexdigest())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
