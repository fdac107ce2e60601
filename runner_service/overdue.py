"""Which runs a dead or hung runner has left beyond their time; pure but for reading marker files.

Standard library only: the janitor that calls it every few seconds has to cost next to nothing.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

LEASE_GRACE = 15.0
"""For a successor that is just starting."""
DEADLINE_GRACE = 15.0
"""For a runner that lives and is just stopping it."""
RESULT_GRACE = 600.0
"""A result that waits for web is kept so long after its lease has run out."""


@dataclass(frozen=True)
class Overdue:
    """One run's folder, its container, and what is to be done: stop the program, or remove it all."""

    folder: Path
    container: str
    what: Literal["stop", "remove"]


def overdue(state: Path, now: float, boot: str) -> list[Overdue]:
    """`now` is seconds since boot; runs of an earlier boot are a successor's business."""
    found = []
    for folder in sorted(state.glob("*/runs/*")):
        lease = _lease(folder)
        if lease is None or lease.get("boot") != boot:
            continue
        what = _what(folder, now, lease)
        if what:
            found.append(Overdue(folder, str(lease["container"]), what))
    return found


def _what(folder: Path, now: float, lease: dict[str, object]) -> Literal["stop", "remove"] | None:
    valid_until, deadline = lease.get("valid_until"), lease.get("deadline")
    has_result = (folder / "ended.json").exists() and not (folder / "finished.json").exists()
    grace = RESULT_GRACE if has_result else LEASE_GRACE
    if isinstance(valid_until, int | float) and now > valid_until + grace:
        return "remove"
    if not isinstance(deadline, int | float) or now <= deadline + DEADLINE_GRACE:
        return None
    is_over = any((folder / name).exists() for name in ("stopped.json", "ended.json"))
    return None if is_over else "stop"


def _lease(folder: Path) -> dict[str, object] | None:
    try:
        lease = json.loads((folder / "lease.json").read_bytes())
    except (OSError, ValueError):
        return None
    return lease if isinstance(lease, dict) and "container" in lease else None
