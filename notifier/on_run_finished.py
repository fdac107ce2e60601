"""Whoever started a run learns by mail how it ended."""

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
        run = session.get(Run, event.run_id)
        if run is None:  # deleted meanwhile: nobody to tell
            return
        account = session.get_one(Account, run.account_id)
        tool = session.get_one(Tool, run.tool_id)
        facts = messages.RunFacts(
            run_id=run.id,
            tool=tool.name,
            command=run.command,
            argv=list(run.argv),
            state=run.state,
            exit_code=run.exit_code,
            signal=run.signal,
            oom=run.oom,
            reason=run.reason,
            seconds=run.seconds,
        )
    if account.disabled_at is not None:
        return
    deliveries.deliver(event, account.email, messages.run_finished(facts, url))
