"""Objects in a folder; signed URLs are served by web (`web/objects_route.py`).

An object is a folder `<key>@` that holds one file named by the SHA-256 of its bytes: renaming
the folder into place writes the object at once, once, and with its hash.
"""

import hashlib
import hmac
import io
import json
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, urlencode

from shared.clock import Clock, SystemClock
from shared.objects import (
    AlreadyExists,
    BadKey,
    NotFound,
    ObjectInfo,
    SignedPut,
    StoredObject,
    check_key,
)

__all__ = ["BadKey", "BadSignature", "DiskObjects", "Grant", "WrongBytes"]

_PART = 1 << 18
_LONGEST_SECONDS = 86_400.0
"""No single write takes longer."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


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
    upload: str | None = None
    """Of an unfinished upload, whose part `part` this is."""
    part: int | None = None
    media_type: str | None = None


class DiskObjects:
    """Objects below `root`, which nobody else writes to; `url` is where web answers."""

    def __init__(self, root: Path, signing_key: str, url: str, clock: Clock | None = None) -> None:
        self.root = root
        self._clock = clock or SystemClock()
        self._url = url.rstrip("/")
        self._signing_key = hashlib.sha256(b"objects:" + signing_key.encode()).digest()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        (root / ".incoming").mkdir(mode=0o700, exist_ok=True)

    # Bytes

    def put(self, key: str, path: Path) -> ObjectInfo:
        """Store a file; the same bytes again are fine, other bytes raise `AlreadyExists`."""
        with path.open("rb") as source:
            return self.receive(key, source)

    def put_bytes(self, key: str, data: bytes) -> ObjectInfo:
        """As `put`, for what is small enough to be in memory."""
        return self.receive(key, io.BytesIO(data))

    def receive(
        self, key: str, source: BinaryIO, *, size: int | None = None, sha256: str | None = None
    ) -> ObjectInfo:
        """Store what a stream gives; raises `WrongBytes` unless it has exactly this size and hash."""
        *parents, last = _parts(key)
        folder = self.root / ".incoming" / secrets.token_hex(16)
        folder.mkdir(mode=0o700)
        try:
            info = write(folder / "part", source, size=size, sha256=sha256)
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
        trash = self.root / ".incoming" / secrets.token_hex(16)
        try:
            with self._folder(parents) as parent:
                os.rename(f"{last}@", trash, src_dir_fd=parent)
                os.fsync(parent)
        except FileNotFoundError:
            return
        shutil.rmtree(trash, ignore_errors=True)

    def tidy(self, seconds: float = _LONGEST_SECONDS) -> int:
        """Take away what a killed process left half written or half deleted; how many."""
        before, gone = time.time() - seconds, 0  # the clock that files have
        for folder in (self.root / ".incoming").iterdir():
            try:
                if folder.lstat().st_mtime >= before:
                    continue
            except FileNotFoundError:
                continue
            shutil.rmtree(folder, ignore_errors=True)
            gone += 1
        return gone

    def walk(self) -> Iterator[StoredObject]:
        """Every object, those of one folder together; what comes and goes meanwhile may be missed."""
        for place, folders, _ in os.walk(self.root):
            at = Path(place).relative_to(self.root)
            objects = [name for name in folders if name.endswith("@")]
            folders[:] = sorted(n for n in folders if not n.endswith("@") and n[0] != ".")
            for name in sorted(objects):
                try:
                    stored = Path(place, name).lstat().st_mtime_ns
                except FileNotFoundError:
                    continue
                yield StoredObject((at / name.removesuffix("@")).as_posix(), stored // 1_000_000)

    # URLs

    def presign_put(self, key: str, *, size: int, sha256: str, seconds: int) -> SignedPut:
        """A URL that takes one PUT of exactly these bytes."""
        grant = Grant("PUT", key, self.expiry(seconds), size=size, sha256=sha256)
        return SignedPut(self.signed(grant))

    def presign_get(self, key: str, *, seconds: int, filename: str | None = None) -> str:
        """A URL that gives the bytes, as a download named `filename` if given."""
        return self.signed(Grant("GET", key, self.expiry(seconds), filename=filename))

    def verify(self, grant: Grant, signature: str) -> None:
        """Raise `BadSignature` unless we signed exactly this and it has not expired."""
        if not hmac.compare_digest(self._mark(grant).encode(), signature.encode()):
            raise BadSignature("The link is not valid. Open the page again to get a new one.")
        if grant.expires < self._clock.now_ms() // 1000:
            raise BadSignature("The link has expired. Open the page again to get a new one.")

    def expiry(self, seconds: int) -> int:
        """When what is signed now for so long expires, seconds since 1970."""
        return self._clock.now_ms() // 1000 + seconds

    def signed(self, grant: Grant) -> str:
        """The URL that carries a grant; web's route takes it apart again."""
        _parts(grant.key)
        query = {n: v for n, v in asdict(grant).items() if v is not None}
        del query["method"], query["key"]
        query["signature"] = self._mark(grant)
        return f"{self._url}/objects/{quote(grant.key)}?{urlencode(query, errors='replace')}"

    def _mark(self, grant: Grant) -> str:
        what = asdict(grant)
        if grant.filename is not None:
            what["filename"] = grant.filename.encode(errors="replace").decode()
        return hmac.new(self._signing_key, json.dumps(what).encode(), hashlib.sha256).hexdigest()

    # Paths, resolved from the root down without following any link

    @contextmanager
    def _folder(self, names: list[str], *, make: bool = False) -> Iterator[int]:
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
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
    return check_key(key).split("/")


def write(
    path: Path,
    source: BinaryIO,
    *,
    size: int | None = None,
    sha256: str | None = None,
    durable: bool = True,
) -> ObjectInfo:
    """A new file of what a stream gives; raises `WrongBytes` unless it has this size and hash."""
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
        if durable:
            os.fsync(target.fileno())
    info = ObjectInfo(size=written, sha256=digest.hexdigest())
    if sha256 is not None and info.sha256 != sha256:
        raise WrongBytes(f"The bytes have another SHA-256 than announced: {info.sha256}.")
    return info


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
