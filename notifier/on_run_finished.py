"""Whoever started a run learns by mail how it ended."""

from sqlalchemy import select

from notifier import messages
from notifier.deliver import Deliveries
from shared.db import Transactions
from shared.events import RunFinished
from shared.schema.accounts import Account
from shared.schema.runs import Run
from shared.schema.tools import Tool


def handle(
    event: RunFinished, *, transactions: Transactions, deliveries: Deliveries, url: str
) -> None:
    with transactions.read() as session:
        found = session.execute(
            select(Run, Tool.name, Account.email, Account.disabled_at)
            .join(Account, Account.id == Run.account_id)
            .join(Tool, Tool.id == Run.tool_id)
            .where(Run.id == event.run_id)
        ).one_or_none()
        if found is None:  # deleted meanwhile: nobody to tell
            return
        run, tool, email, disabled_at = found
        facts = messages.RunFacts(
            run_id=run.id,
            tool=tool,
            command=run.command,
            argv=list(run.argv),
            state=run.state,
            exit_code=run.exit_code,
            signal=run.signal,
            oom=run.oom,
            reason=run.reason,
            seconds=run.seconds,
        )
    if disabled_at is not None:
        return
    deliveries.deliver(event, email, messages.run_finished(facts, url))
