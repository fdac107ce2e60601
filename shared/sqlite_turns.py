"""Turns at one SQLite file, among the threads of a process and among the processes of a machine."""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Turns:
    """SQLite's busy handler sleeps, up to 0.1 s at a time, and is not fair; the kernel wakes at once.

    A courtesy among those who take turns; what keeps the data whole are SQLite's own locks.
    """

    def __init__(self, path: Path) -> None:
        """`path` is a file of its own; it is made at the first turn."""
        self._path = path
        self._thread = threading.RLock()
        self._depth = 0
        self._file: int | None = None

    @contextmanager
    def take(self, *, alone: bool) -> Iterator[None]:
        """Other processes may read meanwhile unless `alone`; a thread that has the turn keeps it."""
        with self._thread:
            if self._depth == 0:
                self._lock(fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self._lock(fcntl.LOCK_UN)

    def close(self) -> None:
        with self._thread:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _lock(self, how: int) -> None:
        if self._file is None:
            if how == fcntl.LOCK_UN:
                return
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # Not flock: this kind ends with its process even where a fork has inherited the descriptor.
        fcntl.lockf(self._file, how)
