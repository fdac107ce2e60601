"""Whether the disk has room for what people send: a full one would stop the database, and all with it."""

import shutil
from pathlib import Path

from web.refusals import Busy

_SHARE, _BYTES = 0.05, 2 << 30
_usage = shutil.disk_usage


def check(folder: Path) -> None:
    """Raises `Busy` while the disk of this folder is almost full: less than 5 % and 2 GiB are free."""
    disk = _usage(folder)
    if disk.free < min(disk.total * _SHARE, _BYTES):
        raise Busy(
            "The disk of this installation is almost full, so it takes no files now. "
            "Try again later, or tell the operator.",
            code="no_room",
            retry_after=60,
        )
