"""What a folder that a stranger is writing takes of a disk, whatever is changed in it meanwhile."""

import os
import stat
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

DEEPEST = 100
"""Folders in one another; deeper ones have paths that engines and archivers cannot follow to their end."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TOGETHER = 1000


class TooDeep(Exception):
    """Folders are nested so deeply that nobody can tell what is in them."""


@dataclass(frozen=True)
class Written:
    """Bytes of a disk, and entries of folders."""

    bytes: int = 0
    files: int = 0

    def __add__(self, other: "Written") -> "Written":
        return Written(self.bytes + other.bytes, self.files + other.files)

    def __sub__(self, other: "Written") -> "Written":
        return Written(self.bytes - other.bytes, self.files - other.files)


def measure(folder: Path, most: Written) -> Written:
    """Everything below `folder`; counting stops once it is more than `most`. Raises `TooDeep`.

    A hole in a file counts as if it were filled, since a copy of it may be; a second name of a file does not.
    """
    found = Written()
    with closing(_below(os.open(folder, _FOLDER), set(), DEEPEST)) as entries:
        for each in entries:
            found += each
            if found.bytes > most.bytes or found.files > most.files:
                break
    return found


def _below(folder: int, seen: set[int], levels: int) -> Generator[Written]:
    """Sums of some entries each; `folder` is closed at the end.

    By descriptors, so that no link which takes a folder's place meanwhile is followed.
    """
    try:
        names = []
        size = count = 0
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:  # gone meanwhile
                    continue
                count += 1
                if stat.S_ISDIR(status.st_mode):
                    names.append(entry.name)
                elif status.st_nlink > 1:
                    if status.st_ino in seen:
                        continue
                    seen.add(status.st_ino)
                whole = status.st_size if stat.S_ISREG(status.st_mode) else 0
                size += max(whole, status.st_blocks * 512)
                if count == _TOGETHER:
                    yield Written(size, count)
                    size = count = 0
        yield Written(size, count)
        if names and not levels:
            raise TooDeep
        for name in names:
            try:
                below = os.open(name, _FOLDER, dir_fd=folder)
            except OSError:  # gone or exchanged meanwhile
                continue
            yield from _below(below, seen, levels - 1)
    finally:
        os.close(folder)
