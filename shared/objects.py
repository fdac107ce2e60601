"""The objects port: bytes under keys, reached by services directly and by others through signed, expiring URLs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


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


class NotFound(Exception):
    """No object has that key."""


class AlreadyExists(Exception):
    """Objects are written once; this key is taken by other bytes."""


class Objects(Protocol):
    def put(self, key: str, path: Path) -> ObjectInfo:
        """Store a file; the same bytes again are fine, other bytes raise `AlreadyExists`."""
        ...

    def get(self, key: str, path: Path) -> None:
        """Write the object to a file; raises `NotFound`."""
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

    def presign_put(self, key: str, *, size: int, sha256: str, seconds: int) -> str:
        """A URL that takes one PUT of exactly these bytes."""
        ...

    def presign_get(self, key: str, *, seconds: int, filename: str | None = None) -> str:
        """A URL that gives the bytes, as a download named `filename` if given."""
        ...
