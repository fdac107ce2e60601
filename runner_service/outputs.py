"""What a stopped program left in its working folder, read without ever following it anywhere."""

import hashlib
import heapq
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from runner_service.file_names import shown
from runner_service.record import Staged
from runner_service.staging import untouched

MAX_DEPTH = 32
MAX_PATH_BYTES = 4096
_MAX_SENTENCES = 100
_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)


@dataclass
class Found:
    """A new or changed file, open for reading; whoever takes it closes `descriptor`."""

    path: str
    """As the file system gave it: bytes that are no UTF-8 are lone surrogates."""
    size: int
    sha256: str
    descriptor: int


@dataclass
class Skipped:
    """Sentences on what was not kept, at most a hundred; the last one counts the rest."""

    _sentences: list[str] = field(default_factory=list)
    _more: int = 0

    def add(self, sentence: str) -> None:
        if len(self._sentences) < _MAX_SENTENCES:
            self._sentences.append(sentence)
        else:
            self._more += 1

    def sentences(self) -> list[str]:
        if not self._more:
            return list(self._sentences)
        return [*self._sentences, f"{self._more} more were not kept"]


class Outputs:
    """One walk over a working folder."""

    def __init__(self, staged: Staged, *, max_files: int, max_bytes: int) -> None:
        self.skipped = Skipped()
        self._staged = staged.files
        self._links = staged.links
        self._max_files = max_files
        self._max_bytes = max_bytes
        self._files = 0
        self._bytes = 0
        self._seen = 0
        self._device = 0

    def walk(self, folder: Path) -> Iterator[Found]:
        """Every new or changed regular file below `folder`, in the order of names."""
        root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            self._device = os.fstat(root).st_dev
            yield from self._folder(root, "", 1)
        finally:
            os.close(root)

    def _folder(self, folder: int, prefix: str, depth: int) -> Iterator[Found]:
        with os.scandir(folder) as entries:
            names = heapq.nsmallest(self._max_files + 1, (entry.name for entry in entries))
        if len(names) > self._max_files:
            names.pop()
            self.skipped.add(
                f"{shown(prefix or '.')} has more than {self._max_files} entries; the first by "
                "name were looked at"
            )
        for name in names:
            self._seen += 1
            if self._seen > 4 * self._max_files:
                return
            yield from self._entry(folder, name, prefix + name, depth)

    def _entry(self, folder: int, name: str, path: str, depth: int) -> Iterator[Found]:
        if len(os.fsencode(path)) > MAX_PATH_BYTES:
            self.skipped.add(f"{shown(path)} has a path above {MAX_PATH_BYTES} bytes")
            return
        try:
            before = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISDIR(before.st_mode):
                yield from self._below(folder, name, path, depth, before)
                return
            link = self._links.get(path) if stat.S_ISLNK(before.st_mode) else None
            if link is not None and os.readlink(name, dir_fd=folder) == link:
                return  # the repository's own, as it was
            if (why := _not_kept(before)) is not None:
                self.skipped.add(f"{shown(path)} {why}")
                return
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
            descriptor = os.open(name, flags, dir_fd=folder)
        except OSError as error:
            self.skipped.add(f"{shown(path)} could not be read: {error.strerror}")
            return
        try:
            found = self._file(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise
        if found is None:
            os.close(descriptor)
        else:
            yield found

    def _below(
        self, folder: int, name: str, path: str, depth: int, before: os.stat_result
    ) -> Iterator[Found]:
        if path == "lost+found" and before.st_uid == 0:
            return  # the file system's own
        if depth >= MAX_DEPTH:
            self.skipped.add(f"{shown(path)} is more than {MAX_DEPTH} folders deep")
            return
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        descriptor = os.open(name, flags, dir_fd=folder)
        try:
            if os.fstat(descriptor).st_dev == self._device:
                yield from self._folder(descriptor, path + "/", depth + 1)
            else:
                self.skipped.add(f"{shown(path)} is another file system")
        finally:
            os.close(descriptor)

    def _file(self, descriptor: int, path: str) -> Found | None:
        now = os.fstat(descriptor)  # the path may have told of another file
        why = _not_kept(now)
        if now.st_dev != self._device:
            why = "is on another file system"
        staged = self._staged.get(path)
        if why is None and staged and untouched(staged, now):
            return None
        if why is None and self._files >= self._max_files:
            why = f"is above the limit of {self._max_files} files"
        if why is None and self._bytes + now.st_size > self._max_bytes:
            sparse = now.st_blocks * 512 < now.st_size // 2
            on_disk = f" ({now.st_blocks * 512} on disk, it is sparse)" if sparse else ""
            why = (
                f"is {now.st_size} bytes long{on_disk}, more than what is left of "
                f"{self._max_bytes} bytes of output"
            )
        if why is not None:
            self.skipped.add(f"{shown(path)} {why}")
            return None
        try:
            sha256 = _hashed(descriptor)
        except OSError as error:
            self.skipped.add(f"{shown(path)} could not be read: {error.strerror}")
            return None
        if staged and sha256 == staged.sha256:
            return None
        self._files += 1
        self._bytes += now.st_size
        return Found(path, now.st_size, sha256, descriptor)


def _not_kept(now: os.stat_result) -> str | None:
    for is_kind, kind in _KINDS:
        if is_kind(now.st_mode):
            return f"is {kind}"
    if not stat.S_ISREG(now.st_mode):
        return "is no regular file"
    if now.st_nlink != 1:
        return f"is one of {now.st_nlink} hard links to a file"
    return None


def _hashed(descriptor: int) -> str:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
