"""A fake of the objects port, kept in memory; it passes the contract tests of the real adapters."""

import hashlib
import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from shared.objects import AlreadyExists, NotFound, ObjectInfo, SignedPut, StoredObject


class MemoryObjects:
    """`Objects` in one process; its URLs are names, nobody serves them."""

    def __init__(self) -> None:
        self.bytes: dict[str, bytes] = {}
        self.stored: dict[str, int] = {}

    def put(self, key: str, path: Path) -> ObjectInfo:
        return self.put_bytes(key, path.read_bytes())

    def put_bytes(self, key: str, data: bytes) -> ObjectInfo:
        if self.bytes.setdefault(key, data) != data:
            raise AlreadyExists(key)
        self.stored.setdefault(key, time.time_ns() // 1_000_000)
        return ObjectInfo(len(data), hashlib.sha256(data).hexdigest())

    def get(self, key: str, path: Path) -> None:
        path.write_bytes(self.open(key).read())

    def open(self, key: str) -> BinaryIO:
        if key not in self.bytes:
            raise NotFound(key)
        return io.BytesIO(self.bytes[key])

    def stat(self, key: str) -> ObjectInfo | None:
        data = self.bytes.get(key)
        return None if data is None else ObjectInfo(len(data), hashlib.sha256(data).hexdigest())

    def delete(self, key: str) -> None:
        self.bytes.pop(key, None)

    def walk(self) -> Iterator[StoredObject]:
        for key in sorted(self.bytes):
            yield StoredObject(key, self.stored[key])

    def presign_put(self, key: str, *, size: int, sha256: str, seconds: int) -> SignedPut:
        return SignedPut(f"memory://put/{key}?size={size}&sha256={sha256}&seconds={seconds}")

    def presign_get(self, key: str, *, seconds: int, filename: str | None = None) -> str:
        return f"memory://get/{key}?seconds={seconds}&filename={filename or ''}"
