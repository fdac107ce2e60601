"""Deliveries are kept as long as a bus may bring their event again."""

from pathlib import Path

from sqlalchemy import select

from notifier.app import build
from notifier.forgetting import KEEP_DAYS, Forgetting
from notifier.mailer_files import FileMailer
from shared.db import Transactions
from shared.schema.deliveries import Delivery
from tests.fakes import MemoryBus

_DAY = 24 * 3_600_000


def test_old_deliveries_go(transactions: Transactions) -> None:
    now = transactions.now_ms()
    with transactions.begin() as session:
        for name, days in (("old", KEEP_DAYS + 1), ("young", KEEP_DAYS - 1)):
            session.add(
                Delivery(
                    event_id=name,
                    recipient="me@example.org",
                    message_id=name,
                    state="sent",
                    at=now - days * _DAY,
                )
            )

    Forgetting(transactions).once()

    with transactions.read() as session:
        assert list(session.scalars(select(Delivery.event_id))) == ["young"]


def test_the_service_forgets_wherever_it_runs(transactions: Transactions, tmp_path: Path) -> None:
    service = build(
        transactions=transactions,
        bus=MemoryBus(),
        mailer=FileMailer(tmp_path),
        sender="tools@example.org",
        url="https://tools.example.org",
    )

    assert any(isinstance(part, Forgetting) for part in service.parts.values())
