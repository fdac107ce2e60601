"""Deliveries are forgotten when no bus can bring their event again."""

from sqlalchemy import delete

from shared.db import Transactions, now_ms
from shared.periodic import Periodic
from shared.schema.deliveries import Delivery

KEEP_DAYS = 60
"""As long as the inbox: SQS keeps a message 14 days, and 14 more as a dead letter."""
_DAY_MS = 24 * 3_600_000


class Forgetting(Periodic):
    """One loop; several may run."""

    def __init__(self, transactions: Transactions, *, period: float = 3600.0) -> None:
        super().__init__(period)
        self._transactions = transactions

    def once(self) -> None:
        with self._transactions.begin() as session:
            session.execute(delete(Delivery).where(Delivery.at < now_ms() - KEEP_DAYS * _DAY_MS))
