"""On SQLite, threads of one process take turns instead of meeting in the busy handler."""

import threading

import pytest
from sqlalchemy import event, text

from shared import db
from shared.db import Transactions
from shared.sqlite_wal import wal_is_safe


def begun_while_another_writes(transactions: Transactions, wanted: str) -> bool:
    """Whether a second thread's transaction begins before the first one's has ended."""
    began = threading.Event()
    done: list[int] = []

    def second() -> None:
        with getattr(transactions, wanted)() as session:
            done.append(session.execute(text("SELECT 1")).scalar_one())

    thread = threading.Thread(target=second)
    with transactions.begin() as session:
        session.execute(text("SELECT 1"))
        for engine in {transactions._writing, transactions._reading}:
            event.listen(engine, "before_cursor_execute", lambda *told: began.set())
        thread.start()
        early = began.wait(0.3)
    thread.join()
    assert done == [1]
    return early


def test_writers_queue_up(sqlite_transactions: Transactions) -> None:
    assert not begun_while_another_writes(sqlite_transactions, "begin")


@pytest.mark.skipif(
    wal_is_safe(db.sqlite3.sqlite_version_info), reason="with WAL readers disturb nobody"
)
def test_without_wal_readers_queue_up_too(sqlite_transactions: Transactions) -> None:
    assert not begun_while_another_writes(sqlite_transactions, "read")


def test_a_thread_may_read_while_it_writes(sqlite_transactions: Transactions) -> None:
    with sqlite_transactions.begin() as writing, sqlite_transactions.read() as reading:
        assert writing.execute(text("SELECT 1")).scalar_one() == 1
        assert reading.execute(text("SELECT 1")).scalar_one() == 1
