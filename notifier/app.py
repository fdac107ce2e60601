"""notifier: ports in, subscriptions out."""

import threading
from functools import partial

import structlog

from notifier import on_build_finished, on_run_finished
from notifier.deliver import Deliveries
from notifier.feedback_reader import FeedbackReader
from notifier.mailer import Mailer
from shared.bus import Bus
from shared.consumer import Consumer
from shared.db import Transactions
from shared.process import Service

log = structlog.get_logger()


class Notifier:
    """What tells people, and beside it what hears how that was received."""

    def __init__(self, consumer: Consumer, feedback: FeedbackReader) -> None:
        self._consumer = consumer
        self._feedback = feedback

    def run(self) -> None:
        """Blocks until `stop`; when one of the two breaks, the other is stopped too."""
        beside = threading.Thread(target=self._listen, name="mail-feedback")
        beside.start()
        try:
            self._consumer.run()
        finally:
            self._feedback.stop()
            beside.join()

    def stop(self) -> None:
        """Take nothing more; safe in a signal handler."""
        self._consumer.stop()
        self._feedback.stop()

    def _listen(self) -> None:
        try:
            self._feedback.run()
        except Exception:
            log.exception("mail_feedback_broke")
            self._consumer.stop()


def build(
    *,
    transactions: Transactions,
    bus: Bus,
    mailer: Mailer,
    sender: str,
    url: str,
    feedback: bool = False,
) -> Service:
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
    )
    if not feedback:
        return consumer
    return Notifier(consumer, FeedbackReader(bus, transactions))
