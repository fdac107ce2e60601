"""What a restored installation must not take up again: work, mails, sessions and keys of before the restore.

Between the backup and the accident jobs ended, mails went out and people signed out, and nothing
here remembers. So every unfinished job ends now with that reason instead of running a second
time, and the notifier mails no event that is older than the row which this writes. Until half a
day after that row, all storage credentials that are older are denied, those unknown here included.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from shared.db import now_ms
from shared.ids import new_id
from shared.schema.accounts import LoginSession
from shared.schema.restorations import Restoration
from shared.schema.tools import Preview
from web import jobs, report, storage_denials


@dataclass(frozen=True)
class Reconciled:
    """What was ended."""

    jobs: int
    sessions: int


def reconcile(session: Session, backup_at: int | None) -> Reconciled:
    """Once, in the transaction that makes the restore known; `backup_at` is the backup's time."""
    when = (
        datetime.fromtimestamp(backup_at / 1000, UTC).strftime("%d %B %Y, %H:%M UTC")
        if backup_at
        else "some time ago"
    )
    reason = f"The platform was restored from a backup of {when}: how it ended is not known."
    session.execute(delete(Preview))  # asked again by whoever looks again
    ended = 0
    for kind in ("run", "build"):
        table: Any = jobs.TABLES[kind]
        unfinished = select(table.id, table.state).where(table.state.not_in(sorted(jobs.TERMINAL)))
        for job_id, state in session.execute(unfinished).all():
            to = "lost" if "lost" in jobs.NEXT[kind][state] else "cancelled"
            job = jobs.transition(session, kind, job_id, to, reason=reason)
            if job is not None:
                ended += 1
                if kind == "build":
                    report.after_release(session, job)
    revoked = session.execute(
        update(LoginSession)
        .where(LoginSession.revoked_at.is_(None))
        .values(revoked_at=now_ms())
        .returning(LoginSession.digest)
        .execution_options(synchronize_session=False)
    ).all()
    storage_denials.end_all(session)
    session.flush()
    session.add(
        Restoration(
            id=new_id("restore"),
            at=session.execute(select(now_ms())).scalar_one(),
            backup_at=backup_at,
        )
    )
    return Reconciled(ended, len(revoked))
