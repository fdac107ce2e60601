"""A release: the tracked files that services run from, in one archive whose digest is its name."""

import gzip
import hashlib
import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from cli.failures import Failure

PARTS = (
    "archiver_service",
    "aws_userdata",
    "builder_service",
    "cli",
    "deploy",
    "notifier",
    "pyproject.toml",
    "requirements/runtime.txt",
    "runner_service",
    "shared",
    "utility",
    "web",
)
"""What a machine needs; tests, documents and benchmarks stay at home."""


@dataclass(frozen=True)
class Release:
    """The archive's bytes under their SHA-256."""

    archive: bytes
    digest: str
    commit: str
    changed: bool
    """Whether the tree had changes that are in no commit."""

    @property
    def key(self) -> str:
        return key_of(self.digest)


def key_of(digest: str) -> str:
    return f"releases/{digest}.tar.gz"


def make(root: Path) -> Release:
    """The release of a checkout; the same files give the same digest, whenever and wherever."""
    listed = _git(root, "ls-files", "-z", "--", *PARTS).split("\0")
    names = sorted(name for name in listed if name and (root / name).is_file())
    if not names:
        raise Failure(f"{root} is no checkout of Toolyard: git knows no file of it.")
    archive = pack({name: (root / name).read_bytes() for name in names}, _executable(root, names))
    return Release(
        archive,
        hashlib.sha256(archive).hexdigest(),
        _git(root, "rev-parse", "HEAD").strip(),
        bool(_git(root, "status", "--porcelain", "--untracked-files=no", "--", *PARTS).strip()),
    )


def pack(files: dict[str, bytes], executable: frozenset[str] = frozenset()) -> bytes:
    """A tar archive without times, owners or any order of the file system's."""
    packed = io.BytesIO()
    # mtime=0 keeps the time of packing out of gzip's own header as well
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o755 if name in executable else 0o644
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def templates_in(archive: bytes, digest: str) -> dict[str, str]:
    """The files of `aws_userdata/` in a release that was fetched; refuses other bytes than the digest's."""
    if hashlib.sha256(archive).hexdigest() != digest:
        raise Failure(f"The stored release {digest[:12]} is damaged; deploy it to staging again.")
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for entry in tar:
            folder, _, name = entry.name.partition("/")
            file = tar.extractfile(entry) if folder == "aws_userdata" and entry.isfile() else None
            if file is not None:
                found[name] = file.read().decode()
    return found


def _executable(root: Path, names: list[str]) -> frozenset[str]:
    return frozenset(name for name in names if (root / name).stat().st_mode & 0o100)


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Failure(f"git could not be asked about {root}: {done.stderr.strip()}")
    return done.stdout
