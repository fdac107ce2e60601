"""The source as one file, the same bytes for the same tree: a version can be rebuilt after upstream has vanished."""

import hashlib
import tarfile
from pathlib import Path

import zstandard

from builder_service.failures import BuildFailed
from builder_service.git import CloneLimits


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


def read(source: Path, tree: Path, limits: CloneLimits) -> None:
    """Unpack what `write` has packed into the new folder `tree`; raises `BuildFailed`."""
    tree.mkdir(parents=True)
    files = size = 0
    try:
        with (
            source.open("rb") as file,
            zstandard.ZstdDecompressor().stream_reader(file) as unpacked,
            tarfile.open(fileobj=unpacked, mode="r|") as tar,
        ):
            for entry in tar:
                files, size = files + 1, size + entry.size
                if files > limits.files * 2 or size > limits.bytes:  # folders count here, too
                    raise BuildFailed("The kept source is larger than a clone may be.")
                tar.extract(entry, tree, filter="data")
    except (tarfile.TarError, zstandard.ZstdError, OSError) as error:
        raise BuildFailed(f"The kept source cannot be unpacked: {error}") from error


def digest(path: Path) -> str:
    """The SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 0
    return entry
