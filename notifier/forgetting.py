"""Deliveries are forgotten when no bus can bring their event again."""

import threading

import structlog
from sqlalchemy import delete

from shared.db import Transactions, now_ms
from shared.schema.deliveries import Delivery

log = structlog.get_logger()

KEEP_DAYS = 60
"""As long as the inbox: SQS keeps a message 14 days, and 14 more as a dead letter."""
_DAY_MS = 24 * 3_600_000


class Forgetting:
    """One loop; several may run."""

    def __init__(self, transactions: Transactions, *, period: float = 3600.0) -> None:
        self._transactions = transactions
        self._period = period
        self._stopping = threading.Event()

    def run(self) -> None:
        """Blocks until `stop`; the first look is one period after the start."""
        while not self._stopping.wait(self._period):
            try:
                self.once()
            except Exception as error:
                log.warning("deliveries_not_forgotten", error=repr(error))

    def stop(self) -> None:
        self._stopping.set()

    def once(self) -> None:
        with self._transactions.begin() as session:
            session.execute(delete(Delivery).where(Delivery.at < now_ms() - KEEP_DAYS * _DAY_MS))
