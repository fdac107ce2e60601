"""The objects port: bytes under keys, reached by services directly and by others through signed, expiring URLs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import urlsplit


@dataclass(frozen=True)
class ObjectInfo:
    """Size in bytes and the SHA-256 (hex) of a stored object."""

    size: int
    sha256: str


@dataclass(frozen=True)
class StoredObject:
    """A key and when its bytes were stored, milliseconds since 1970 UTC by the store's clock."""

    key: str
    stored_at: int


@dataclass(frozen=True)
class SignedPut:
    """A URL that takes one PUT, and the headers that must come with it: they are part of the signature."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


class BadKey(ValueError):
    """No object can have that key."""


class NotFound(Exception):
    """No object has that key."""


class AlreadyExists(Exception):
    """Objects are written once; this key is taken by other bytes."""


_KEY = re.compile(r"(?!.{513})[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


def check_key(key: str) -> str:
    """The key itself; raises `BadKey` for what would be a path or a wildcard somewhere else."""
    if not _KEY.fullmatch(key):
        raise BadKey(f"{key[:200]!r} is no key: letters, digits, '.', '_', '-' between slashes.")
    return key


def bucket_of(url: str) -> tuple[str, str]:
    """Bucket and prefix of `s3://BUCKET[/PREFIX]`; raises `ValueError` with a sentence."""
    split = urlsplit(url)
    prefix = split.path.strip("/")
    if split.scheme != "s3" or not split.netloc or split.query or split.fragment:
        raise ValueError(
            "the object store is s3://BUCKET or s3://BUCKET/PREFIX, or empty: a folder"
        )
    return split.netloc, check_key(prefix) if prefix else ""


class Objects(Protocol):
    def put(self, key: str, path: Path) -> ObjectInfo:
        """Store a file; the same bytes again are fine, other bytes raise `AlreadyExists`."""
        ...

    def get(self, key: str, path: Path) -> None:
        """Write the object to a file; raises `NotFound`."""
        ...

    def put_bytes(self, key: str, data: bytes) -> ObjectInfo:
        """As `put`, for what is small enough to be in memory."""
        ...

    def open(self, key: str) -> BinaryIO:
        """A seekable reader; raises `NotFound`."""
        ...

    def stat(self, key: str) -> ObjectInfo | None: ...

    def delete(self, key: str) -> None:
        """Gone when it returns; a missing key is fine."""
        ...

    def walk(self) -> Iterator[StoredObject]:
        """Every object, those of one folder together; what comes and goes meanwhile may be missed."""
        ...

    def presign_put(self, key: str, *, size: int, sha256: str, seconds: int) -> SignedPut:
        """A URL that takes one PUT of exactly these bytes."""
        ...

    def presign_get(self, key: str, *, seconds: int, filename: str | None = None) -> str:
        """A URL that gives the bytes, as a download named `filename` if given."""
        ...
