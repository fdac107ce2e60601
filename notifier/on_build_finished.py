"""Whoever asked for a build learns by mail whether the tool can be run."""

from notifier import messages
from notifier.deliver import Deliveries
from shared.db import Transactions
from shared.events import BuildFinished
from shared.schema.accounts import Account
from shared.schema.tools import Build, Tool, Version


def handle(
    event: BuildFinished, *, transactions: Transactions, deliveries: Deliveries, url: str
) -> None:
    with transactions.read() as session:
        build = session.get(Build, event.build_id)
        if build is None:  # deleted meanwhile: nobody to tell
            return
        account = session.get_one(Account, build.account_id)
        version = session.get_one(Version, build.version_id)
        tool = session.get_one(Tool, version.tool_id)
        facts = messages.BuildFacts(
            build_id=build.id,
            tool=tool.name,
            number=version.number,
            link=version.link,
            state=build.state,
            reason=build.reason or version.reason,
        )
    if account.disabled_at is not None:
        return
    deliveries.deliver(event, account.email, messages.build_finished(facts, url))
