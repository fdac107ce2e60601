"""Forms, bills of materials and inventories are kept by image on the builder's disk; old ones are made again."""

import time
from pathlib import Path

KEEP_DAYS = 90
FOLDERS = ("forms", "bills", "inventories")


def forget(state: Path, *, now: float | None = None) -> int:
    """Delete those that were written long ago; how many."""
    before = (time.time() if now is None else now) - KEEP_DAYS * 86_400
    gone = 0
    for folder in FOLDERS:
        for path in (state / folder).glob("*.json"):
            if path.stat().st_mtime < before:
                path.unlink(missing_ok=True)
                gone += 1
    return gone
