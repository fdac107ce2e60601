"""The source as one file, the same bytes for the same tree: a version can be rebuilt after upstream has vanished."""

import hashlib
import tarfile
from pathlib import Path

import zstandard


def write(tree: Path, target: Path) -> str:
    """Write `tree` (which holds no `.git`) as tar.zst; its SHA-256 (hex)."""
    with (
        target.open("wb") as file,
        zstandard.ZstdCompressor(level=6).stream_writer(file) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(tree.rglob("*")):
            tar.add(path, path.relative_to(tree).as_posix(), recursive=False, filter=_plain)
    return digest(target)


def digest(path: Path) -> str:
    """The SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 0
    return entry
