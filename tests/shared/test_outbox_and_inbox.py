"""Sent if and only if committed; handled once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from shared import inbox, outbox
from shared.db import Transactions
from shared.events import RunFinished, RunRequested, decode
from shared.schema.messages import Outbox


def _bodies(transactions: Transactions) -> list[str]:
    with transactions.read() as session:
        return list(session.execute(select(Outbox.body)).scalars())


def test_an_announced_event_has_a_new_id_and_the_databases_time(transactions: Transactions) -> None:
    before = transactions.now_ms()
    with transactions.begin() as session:
        first = outbox.announce(session, RunRequested, run_id="run_1")
        second = outbox.announce(session, RunRequested, run_id="run_1")

    assert first.event_id != second.event_id
    assert before <= first.at <= transactions.now_ms()
    assert {decode(body).event_id for body in _bodies(transactions)} == {
        first.event_id,
        second.event_id,
    }


def test_a_rolled_back_event_is_not_sent(transactions: Transactions) -> None:
    with pytest.raises(RuntimeError), transactions.begin() as session:
        outbox.announce(session, RunFinished, run_id="run_1")
        raise RuntimeError
    assert _bodies(transactions) == []


def test_each_consumer_sees_an_event_once(transactions: Transactions) -> None:
    event = RunFinished(event_id="evt_1", at=1, run_id="run_1")
    answers = []
    for consumer in ("archiver", "archiver", "notifier"):
        with transactions.begin() as session:
            answers.append(inbox.seen(session, consumer, event))
    assert answers == [False, True, False]


def test_an_effect_that_fails_is_not_seen(transactions: Transactions) -> None:
    event = RunFinished(event_id="evt_1", at=1, run_id="run_1")
    with pytest.raises(RuntimeError), transactions.begin() as session:
        assert not inbox.seen(session, "archiver", event)
        raise RuntimeError
    with transactions.begin() as session:
        assert not inbox.seen(session, "archiver", event)


def test_of_many_at_once_one_is_first(transactions: Transactions) -> None:
    event = RunFinished(event_id="evt_1", at=1, run_id="run_1")

    def look(_: int) -> bool:
        with transactions.begin() as session:
            return inbox.seen(session, "archiver", event)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(look, range(8))) == [False] + [True] * 7
