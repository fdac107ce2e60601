"""A finished run's results are given the time at which they move to cold storage."""

import structlog
from sqlalchemy import select

from archiver_service import retention
from shared import inbox
from shared.db import Transactions, now_ms
from shared.events import RunFinished
from shared.schema.accounts import Account
from shared.schema.archives import Archive
from shared.schema.runs import Run

log = structlog.get_logger()


def handle(event: RunFinished, *, transactions: Transactions, grace_seconds: int) -> None:
    with transactions.begin() as session:
        if inbox.seen(session, "archiver", event):
            return
        found = session.execute(
            select(Account.plan, Archive, now_ms())
            .select_from(Run)
            .join(Account, Account.id == Run.account_id)
            .outerjoin(Archive, Archive.run_id == Run.id)
            .where(Run.id == event.run_id)
        ).one_or_none()
        if found is None:  # deleted meanwhile, and its results with it
            return
        plan, archive, now = found
        due = retention.due_at(plan, now, grace_seconds)
        if archive is None:
            session.add(Archive(run_id=event.run_id, state="hot", due_at=due, created_at=now))
        elif archive.state == "hot":
            archive.due_at = due
    log.info("archive_scheduled", due_at=due, plan=plan)
