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
        run = session.get(Run, event.run_id)
        if run is None:  # deleted meanwhile, and its results with it
            return
        plan = session.get_one(Account, run.account_id).plan
        now = session.execute(select(now_ms())).scalar_one()
        due = retention.due_at(plan, now, grace_seconds)
        archive = session.get(Archive, run.id)
        if archive is None:
            session.add(Archive(run_id=run.id, state="hot", due_at=due, created_at=now))
        elif archive.state == "hot":
            archive.due_at = due
    log.info("archive_scheduled", due_at=due, plan=plan)
