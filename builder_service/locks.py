"""One builder at a time for one thing on this host, across processes; gone when its holder dies."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.clock import Clock


@contextmanager
def held(folder: Path, name: str, clock: Clock, check: Callable[[], None]) -> Iterator[bool]:
    """Waits for the lock, calling `check` (which may raise) meanwhile; yields whether it had to wait."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    waited = False
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waited = True
                check()
                clock.sleep(0.2)
        yield waited
    finally:
        os.close(descriptor)
