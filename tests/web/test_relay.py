"""What was committed is published, whatever happens in between."""

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from shared import doorbell, outbox
from shared.db import Transactions
from shared.events import Event, RunFinished, RunRequested
from shared.schema.messages import Inbox, Outbox
from tests.fakes import MemoryBus
from web.relay import KEEP_INBOX_DAYS, KEEP_PUBLISHED_DAYS, Relay

DAY_MS = 24 * 3600 * 1000


def announce(transactions: Transactions, count: int) -> list[str]:
    with transactions.begin() as session:
        return [
            outbox.announce(session, RunRequested, run_id=f"run_{n}").event_id for n in range(count)
        ]


def unpublished(transactions: Transactions) -> int:
    with transactions.read() as session:
        return session.execute(
            select(func.count()).select_from(Outbox).where(Outbox.published_at.is_(None))
        ).scalar_one()


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_a_batch_is_published_once(transactions: Transactions, tmp_path: Path) -> None:
    announce(transactions, 3)
    bus = MemoryBus()
    relay = Relay(transactions, bus, tmp_path)

    assert relay.once() == 3
    assert relay.once() == 0
    assert bus.depth("runner") == 3
    assert unpublished(transactions) == 0


def test_dying_between_publish_and_mark_sends_again(
    transactions: Transactions, tmp_path: Path
) -> None:
    announce(transactions, 2)

    class Dies(MemoryBus):
        def publish(self, event: Event) -> None:
            super().publish(event)
            raise SystemExit

    with pytest.raises(SystemExit):
        Relay(transactions, Dies(), tmp_path).once()
    bus = MemoryBus()
    Relay(transactions, bus, tmp_path).once()

    assert bus.depth("runner") == 2


def test_several_relays_lose_nothing(transactions: Transactions, tmp_path: Path) -> None:
    bus = MemoryBus()
    relays = [Relay(transactions, bus, tmp_path) for _ in range(3)]
    threads = [threading.Thread(target=relay.run) for relay in relays]
    for thread in threads:
        thread.start()
    ids = [id for _ in range(10) for id in announce(transactions, 5)]
    until(lambda: unpublished(transactions) == 0)
    for relay in relays:
        relay.stop()
    for thread in threads:
        thread.join(5)

    received = set()
    while messages := bus.receive("runner", 10, 0):
        received |= {message.body for message in messages}
    assert all(any(id in body for body in received) for id in ids)
    assert len(received) == len(ids)


def test_the_doorbell_is_quicker_than_the_poll(transactions: Transactions, tmp_path: Path) -> None:
    bus = MemoryBus()
    relay = Relay(transactions, bus, tmp_path)
    thread = threading.Thread(target=relay.run)
    thread.start()
    time.sleep(0.2)
    waits = []
    for _ in range(5):
        before = bus.depth("runner")
        announce(transactions, 1)
        start = time.monotonic()
        doorbell.ring(doorbell.folder_of(tmp_path), outbox.DOORBELL)
        until(partial(lambda depth: bus.depth("runner") > depth, before))
        waits.append(time.monotonic() - start)
    relay.stop()
    thread.join(5)
    assert not thread.is_alive()
    assert sorted(waits)[2] < 0.5


def test_without_a_ring_the_poll_finds_it(transactions: Transactions, tmp_path: Path) -> None:
    bus = MemoryBus()
    relay = Relay(transactions, bus, tmp_path)
    thread = threading.Thread(target=relay.run)
    thread.start()
    time.sleep(0.1)
    announce(transactions, 1)
    until(lambda: bus.depth("runner") == 1, 5)
    relay.stop()
    thread.join(5)


def test_an_outage_of_the_bus_loses_nothing(transactions: Transactions, tmp_path: Path) -> None:
    bus = MemoryBus()
    bus.away = True
    relay = Relay(transactions, bus, tmp_path, backoff=(0.05,))
    thread = threading.Thread(target=relay.run)
    thread.start()
    announce(transactions, 20)
    time.sleep(0.3)
    assert unpublished(transactions) == 20

    bus.away = False
    until(lambda: bus.depth("runner") == 20)
    relay.stop()
    thread.join(5)
    assert not thread.is_alive()


def test_one_event_that_the_bus_refuses_holds_up_no_other(
    transactions: Transactions, tmp_path: Path
) -> None:
    class Picky(MemoryBus):
        def publish(self, event: Event) -> None:
            if isinstance(event, RunFinished):
                raise ValueError("not this one")
            super().publish(event)

    with transactions.begin() as session:
        outbox.announce(session, RunFinished, run_id="run_x")
    announce(transactions, 3)
    bus = Picky()

    with pytest.raises(ValueError, match="not this one"):
        Relay(transactions, bus, tmp_path).once()

    assert bus.depth("runner") == 3
    assert unpublished(transactions) == 1


def test_an_unreadable_row_holds_up_no_other(transactions: Transactions, tmp_path: Path) -> None:
    with transactions.begin() as session:
        session.add(Outbox(id="evt_0", body='{"type": "FromTheFuture"}', at=0))
    announce(transactions, 2)
    bus = MemoryBus()

    assert Relay(transactions, bus, tmp_path).once() == 2
    assert unpublished(transactions) == 1


def test_old_rows_are_trimmed_and_young_ones_kept(
    transactions: Transactions, tmp_path: Path
) -> None:
    now = transactions.now_ms()
    old, waiting, young = announce(transactions, 3)
    relay = Relay(transactions, MemoryBus(), tmp_path)
    with transactions.begin() as session:
        age = (KEEP_PUBLISHED_DAYS + 1) * DAY_MS
        session.execute(update(Outbox).where(Outbox.id == old).values(published_at=now - age))
        session.execute(update(Outbox).where(Outbox.id == waiting).values(at=now - age))
        session.execute(update(Outbox).where(Outbox.id == young).values(published_at=now))
        session.add(Inbox(consumer="c", event_id="old", at=now - (KEEP_INBOX_DAYS + 1) * DAY_MS))
        session.add(Inbox(consumer="c", event_id="young", at=now - DAY_MS))

    relay.trim()

    with transactions.read() as session:
        assert set(session.execute(select(Outbox.id)).scalars()) == {waiting, young}
        assert session.execute(select(Inbox.event_id)).scalars().all() == ["young"]
