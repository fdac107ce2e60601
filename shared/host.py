"""Who this worker is: the same name for a successor on the same host, another one after a reboot."""

import os
import secrets
import time
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MACHINE_ID = Path("/etc/machine-id")


def host_id(folder: Path, machine_id: Path = _MACHINE_ID) -> str:
    """The machine's own id, or one that is made once and kept in `folder`."""
    if machine_id.exists() and (known := machine_id.read_text().strip()):
        return known
    kept = folder / "host-id"
    if not kept.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = folder / f".host-id.{os.getpid()}"
        new.write_text(secrets.token_hex(16))
        new.rename(kept)
    return kept.read_text().strip()


def boot_id() -> str:
    """Random, made by the kernel at each boot."""
    return _BOOT_ID.read_text().strip()


def boot_seconds() -> float:
    """Seconds since boot, suspend included: comparable between processes, untouched by clock changes."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def worker_id(host: str, boot: str, service: str, place: int) -> str:
    """The `builder` or `runner` at this place of this host: each has a name, and cancels, of its own."""
    return f"{host}:{boot}/{service}{place or ''}"
