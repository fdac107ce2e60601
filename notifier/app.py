"""notifier: ports in, subscriptions out."""

from functools import partial

from notifier import on_build_finished, on_run_finished
from notifier.deliver import Deliveries
from notifier.mailer import Mailer
from shared.bus import Bus
from shared.consumer import Consumer
from shared.db import Transactions


def build(
    *, transactions: Transactions, bus: Bus, mailer: Mailer, sender: str, url: str
) -> Consumer:
    """The service, ready to `run`; `url` is where people reach web."""
    deliveries = Deliveries(transactions, mailer, sender)
    return Consumer(
        bus,
        "notifier",
        {
            "RunFinished": partial(
                on_run_finished.handle, transactions=transactions, deliveries=deliveries, url=url
            ),
            "BuildFinished": partial(
                on_build_finished.handle, transactions=transactions, deliveries=deliveries, url=url
            ),
        },
    )
