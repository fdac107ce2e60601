"""The archiver gives a finished run's results a due time, once."""

import time

import pytest
from sqlalchemy import select

from archiver_service import on_run_finished, retention
from shared import inbox
from shared.db import Transactions
from shared.events import RunFinished
from shared.schema.archives import Archive
from tests.finished import Finished, finished


def _handle(transactions: Transactions, event: RunFinished, grace: int = 3600) -> None:
    on_run_finished.handle(event, transactions=transactions, grace_seconds=grace)


def _archive(transactions: Transactions, ids: Finished) -> Archive | None:
    with transactions.read() as session:
        return session.get(Archive, ids.run_id)


def test_the_free_plan_moves_after_the_grace_period() -> None:
    assert retention.due_at("free", 1_000, 3 * 24 * 3600) == 1_000 + 3 * 24 * 3600 * 1000


def test_the_premium_plan_keeps_results_hot() -> None:
    assert retention.due_at("premium", 1_000, 60) is None


def test_results_get_a_due_time(transactions: Transactions) -> None:
    ids = finished(transactions)
    before = transactions.now_ms()

    _handle(transactions, ids.run_event)

    archive = _archive(transactions, ids)
    assert archive is not None and archive.due_at is not None
    assert before + 3_600_000 <= archive.due_at <= transactions.now_ms() + 3_600_000
    assert archive.state == "hot"


def test_premium_results_get_none(transactions: Transactions) -> None:
    ids = finished(transactions, plan="premium")
    _handle(transactions, ids.run_event)
    archive = _archive(transactions, ids)
    assert archive is not None and archive.due_at is None


def _due_times(transactions: Transactions) -> list[int | None]:
    ids = finished(transactions)
    event = ids.run_event
    due: list[int | None] = []
    for _ in range(2):
        _handle(transactions, event)
        archive = _archive(transactions, ids)
        assert archive is not None
        due.append(archive.due_at)
        time.sleep(0.01)
    return due


def test_the_same_event_again_postpones_nothing(transactions: Transactions) -> None:
    first, second = _due_times(transactions)
    assert first == second


def test_without_the_inbox_it_would(
    transactions: Transactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "seen", lambda session, consumer, event: False)
    first, second = _due_times(transactions)
    assert first != second


def test_a_deleted_run_is_nobodys_trouble(transactions: Transactions) -> None:
    _handle(transactions, RunFinished(event_id="evt_1", at=1, run_id="run_gone"))

    with transactions.read() as session:
        assert session.scalars(select(Archive)).all() == []


def test_a_failure_leaves_the_event_unhandled(transactions: Transactions) -> None:
    ids = finished(transactions)
    event = ids.run_event
    with pytest.raises(TypeError):
        _handle(transactions, event, grace=None)  # type: ignore[arg-type]

    _handle(transactions, event)

    assert _archive(transactions, ids) is not None
