"""Named places where a fault test ends the process as `kill -9` would; without a test they do nothing."""

import os
import signal
import threading

_armed: dict[str, int] = {}
_lock = threading.Lock()


def arm(text: str) -> None:
    """`name:nth,…`: die at the nth passage (1 when left out) of each name."""
    with _lock:
        _armed.clear()
        for part in filter(None, text.split(",")):
            name, _, nth = part.partition(":")
            _armed[name] = int(nth or 1)


def crashpoint(name: str) -> None:
    """A passage of a named place."""
    if not _armed:
        return
    with _lock:
        if name not in _armed:
            return
        _armed[name] -= 1
        due = _armed[name] == 0
    if due:
        os.kill(os.getpid(), signal.SIGKILL)
