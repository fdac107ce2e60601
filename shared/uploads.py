"""The uploads port: a client's bytes go straight to the object store, within limits that are signed.

A large file goes in parts, each announced with its size and SHA-256; a small one in one form POST.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from shared.objects import SignedPut

OCTETS = "application/octet-stream"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Part:
    """One part, counted from 1."""

    number: int
    size: int
    sha256: str


@dataclass(frozen=True)
class SignedPost:
    """A URL that takes one form POST: these fields first, then the file as the field `file`."""

    url: str
    fields: Mapping[str, str]


@dataclass(frozen=True)
class Unfinished:
    """An upload that was begun and neither completed nor given up."""

    key: str
    upload: str
    started_at: int
    """Milliseconds since 1970 UTC by the store's clock."""


@dataclass(frozen=True)
class Made:
    """An object that was made of parts."""

    size: int
    sha256: str
    """Of the bytes; where the store does not read them again, that of the parts (`of_parts`)."""
    parts_sha256: str
    """SHA-256 over the SHA-256s of all parts."""


class NoUpload(Exception):
    """The upload is unknown: never begun, completed, or given up."""


class WrongParts(Exception):
    """The parts that are there do not make up the whole."""


class OtherParts(Exception):
    """The parts that are there are not those that the client has sent."""


class Uploads(Protocol):
    def begin(self, key: str) -> str:
        """A new upload in parts; its id."""
        ...

    def presign_part(self, key: str, upload: str, part: Part, *, seconds: int) -> SignedPut:
        """A URL that takes exactly this part; the same number again replaces it."""
        ...

    def parts(self, key: str, upload: str) -> list[Part]:
        """What is there, by number; raises `NoUpload`."""
        ...

    def complete(
        self, key: str, upload: str, *, size: int, part_size: int, parts_sha256: str | None = None
    ) -> Made:
        """Make the object of its parts, once, and only of those that `parts_sha256` names if given.

        Raises `NoUpload`, `WrongParts`, `OtherParts` or `AlreadyExists`.
        """
        ...

    def made(self, key: str, part_size: int) -> Made | None:
        """What an earlier `complete` has made."""
        ...

    def abort(self, key: str, upload: str) -> None:
        """Give it up; what has arrived is deleted, an unknown upload is fine."""
        ...

    def unfinished(self) -> Iterator[Unfinished]:
        """Every upload in parts that is open."""
        ...

    def presign_post(
        self, key: str, *, size: int, sha256: str, seconds: int, media_type: str = OCTETS
    ) -> SignedPost:
        """A form that takes exactly these bytes under this type."""
        ...


def of_parts(parts: Sequence[str], part_size: int) -> str:
    """The hash of hashes: `<SHA-256 of the parts' SHA-256s>-<part size>`, as S3 verifies it."""
    return f"{over(parts)}-{part_size}"


def over(parts: Sequence[str]) -> str:
    """SHA-256 over the SHA-256s of parts."""
    return hashlib.sha256(b"".join(bytes.fromhex(part) for part in parts)).hexdigest()


def is_of_parts(stated: str) -> bool:
    """Whether a hash is one of parts."""
    return "-" in stated


def hashes(
    source: BinaryIO, part_size: int, between: Callable[[], None] = lambda: None
) -> tuple[str, str]:
    """SHA-256 of all the bytes, and the hash of their parts; `between` pieces the caller may raise."""
    whole = hashlib.sha256()
    parts: list[str] = []
    while True:
        part, left = hashlib.sha256(), part_size
        while left and (data := source.read(min(left, _CHUNK))):
            whole.update(data)
            part.update(data)
            left -= len(data)
            between()
        if left == part_size and parts:
            break
        parts.append(part.hexdigest())
        if left:
            break
    return whole.hexdigest(), of_parts(parts, part_size)


def same(source: BinaryIO, sha256: str, stated: str) -> bool:
    """Whether bytes with this SHA-256 are those that `stated` (of either kind) names; reads from the start."""
    if not is_of_parts(stated):
        return sha256 == stated
    source.seek(0)
    return hashes(source, int(stated.rpartition("-")[2])) == (sha256, stated)


def check_whole(parts: Sequence[Part], size: int, part_size: int, parts_sha256: str | None) -> str:
    """SHA-256 over them; refuses parts that leave a gap, are not `size` bytes, or are another file's."""
    for n, part in enumerate(parts, 1):
        wanted = min(part_size, size - (n - 1) * part_size)
        if part.number != n or part.size != wanted:
            raise WrongParts(f"Part {n} is missing or has not its {max(0, wanted)} bytes.")
    if sum(part.size for part in parts) != size:
        raise WrongParts(f"{len(parts)} parts are there; more are needed for {size} bytes.")
    found = over([part.sha256 for part in parts])
    if parts_sha256 not in (None, found):
        raise OtherParts
    return found
