"""Each builder process of a host has a place of its own; a successor takes the place of the dead."""

import fcntl
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

_PLACES = 64
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MACHINE_ID = Path("/etc/machine-id")


@dataclass
class Place:
    """A locked state folder; the kernel frees it when its process dies, however it dies."""

    number: int
    folder: Path
    _lock: int

    def leave(self) -> None:
        os.close(self._lock)


def take_place(state: Path) -> Place:
    """The first place that no living process has."""
    state.mkdir(mode=0o711, parents=True, exist_ok=True)
    for number in range(_PLACES):
        folder = state / str(number)
        folder.mkdir(mode=0o711, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        return Place(number, folder, lock)
    raise RuntimeError(f"{_PLACES} builders live in {state} already; give this one its own state.")


def worker_id(state: Path, place: int) -> str:
    """`host:boot/builder…`: the same for a successor on this host, another one after a reboot."""
    kept = state / "host-id"
    if _MACHINE_ID.exists() and (known := _MACHINE_ID.read_text().strip()):
        host = known
    else:
        if not kept.exists():
            kept.write_text(secrets.token_hex(16))
        host = kept.read_text().strip()
    return f"{host}:{_BOOT_ID.read_text().strip()}/builder{place or ''}"
