"""A few bytes of a pack can ask for gigabytes of memory; they end the clone, not the builder's host."""

import hashlib
import resource
import zlib
from pathlib import Path

import pytest

from builder_service.git import CloneLimits, Git, GitFailed
from builder_service.git_refusals import explain
from shared.git_link import parse

LINK = parse("https://git.example.org/a/b")
MIB = 1 << 20


def size(number: int) -> bytes:
    """As deltas tell it: seven bits a byte, the lowest first."""
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def entry(kind: int, data: bytes, between: bytes = b"") -> bytes:
    """An object of a pack."""
    first, rest = len(data) & 15, len(data) >> 4
    head = bytes([kind << 4 | first | (128 if rest else 0)])
    return head + (size(rest) if rest else b"") + between + zlib.compress(data)


def pack(*times: int) -> bytes:
    """A blob of 8 MiB, and for each number a delta that repeats it so often."""
    base = bytes(8 * MIB)
    name = hashlib.sha1(b"blob %d\0" % len(base) + base, usedforsecurity=False).digest()
    copy = b"\xf0\x00\x00\x80"  # all of it, from its beginning
    deltas = [size(len(base)) + size(len(base) * n) + copy * n for n in times]
    body = b"PACK" + (2).to_bytes(4) + (1 + len(times)).to_bytes(4) + entry(3, base)
    body += b"".join(entry(7, delta, name) for delta in deltas)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def indexed(folder: Path, *times: int) -> None:
    git = Git(folder, LINK, "192.0.2.1", CloneLimits())
    git.run("init", "--quiet", "--bare", ".")
    (folder / "one.pack").write_bytes(pack(*times))
    git.run("index-pack", "one.pack")


def test_a_usual_delta_is_taken(tmp_path: Path) -> None:
    indexed(tmp_path, 2, 4)


def test_a_delta_that_asks_for_gigabytes_is_refused_in_a_sentence(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    with pytest.raises(GitFailed) as failed:
        indexed(tmp_path, 700)  # 5.5 GiB

    assert "more memory" in explain(str(failed.value), LINK)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < max(before, 3 * MIB)
