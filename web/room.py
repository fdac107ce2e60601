"""Whether there is room for what people send: on the disk, and in their plan.

A full disk would stop the database, and all with it.
"""

import shutil
from pathlib import Path

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from shared.schema.runs import File, Upload
from web import jobs
from web.refusals import Busy, TooLarge

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


def check_account(session: Session, account_id: str, size: int, most: int) -> None:
    """Refuse what makes the account's uploads more than its plan keeps, unfinished ones counted whole."""
    jobs.lock_account(session, account_id)
    stored = stored_bytes(session, account_id)
    if stored + size > most:
        raise TooLarge(
            f"Your uploads have {stored:,} bytes; with this one they would be more than the {most:,} that "
            "your plan keeps. Delete some on the page Files, or ask the operator for more room.",
            code="stored",
            details={"bytes": stored + size, "limit": most},
        )


def stored_bytes(session: Session, account_id: str) -> int:
    """What the account's uploads take, unfinished ones counted whole."""
    files = select(func.sum(File.size)).where(*kept(account_id))
    coming = select(func.sum(Upload.size)).where(
        Upload.account_id == account_id, Upload.finished_at.is_(None)
    )
    return int((session.scalar(files) or 0) + (session.scalar(coming) or 0))


def kept(account_id: str) -> tuple[ColumnElement[bool], ...]:
    """Which files count as the account's."""
    return (
        File.account_id == account_id,
        File.deleted_at.is_(None),
        File.key.startswith("files/"),  # others are outputs of a run
    )
