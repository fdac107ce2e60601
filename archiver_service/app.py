"""archiver: ports in, subscriptions out."""

from functools import partial

from archiver_service import on_run_finished
from shared.bus import Bus
from shared.consumer import Consumer
from shared.db import Transactions


def build(*, transactions: Transactions, bus: Bus, grace_seconds: int) -> Consumer:
    """The service, ready to `run`."""
    return Consumer(
        bus,
        "archiver",
        {
            "RunFinished": partial(
                on_run_finished.handle, transactions=transactions, grace_seconds=grace_seconds
            ),
        },
        slots=4,
    )
