"""Each worker process of a host has a place of its own; a successor takes the place of the dead."""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

_PLACES = 64


@dataclass
class Place:
    """A locked state folder; the kernel frees it when its process dies, however it dies."""

    number: int
    folder: Path
    _lock: int

    def leave(self) -> None:
        os.close(self._lock)


def take_place(state: Path, mode: int = 0o700) -> Place:
    """The first place that no living process has; `mode` is that of the folders."""
    state.mkdir(mode=mode, parents=True, exist_ok=True)
    for number in range(_PLACES):
        folder = state / str(number)
        folder.mkdir(mode=mode, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        return Place(number, folder, lock)
    raise RuntimeError(f"{_PLACES} workers live in {state} already; give this one its own state.")
