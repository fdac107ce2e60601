"""notifier: ports in, subscriptions out."""

from functools import partial

from notifier import on_build_finished, on_run_finished
from notifier.deliver import Deliveries
from notifier.feedback_reader import FeedbackReader
from notifier.forgetting import Forgetting
from notifier.mailer import Mailer
from notifier.settings import NotifierSettings
from shared.bus import Bus
from shared.consumer import Consumer
from shared.db import Transactions
from shared.process import Service
from shared.together import Together


def build(
    *,
    transactions: Transactions,
    bus: Bus,
    mailer: Mailer,
    sender: str,
    url: str,
    feedback: bool = False,
) -> Together:
    """The service, ready to `run`; `url` is where people reach web, `feedback`: bounces come back by this bus."""
    deliveries = Deliveries(transactions, mailer, sender)
    consumer = Consumer(
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
        slots=4,  # a mail server answers after a while
    )
    parts: dict[str, Service] = {"tells": consumer, "forgets": Forgetting(transactions)}
    if feedback:
        parts["listens"] = FeedbackReader(bus, transactions)
    return Together(parts)


def as_told(settings: NotifierSettings, *, transactions: Transactions, bus: Bus) -> Together:
    """The service with the mailer, the addresses and the feedback of its settings."""
    return build(
        transactions=transactions,
        bus=bus,
        mailer=settings.open_mailer(),
        sender=settings.mail_from,
        url=settings.url,
        feedback=settings.mail_feedback,
    )
