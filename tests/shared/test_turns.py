"""On SQLite, threads and processes take turns instead of meeting in the busy handler."""

import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from sqlalchemy import create_engine, event, select, text

from shared import db
from shared.db import Transactions, now_ms
from shared.sqlite_driver import sqlite3
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


def test_readers_disturb_nobody(sqlite_transactions: Transactions) -> None:
    assert wal_is_safe(sqlite3.sqlite_version_info)
    with sqlite_transactions.read() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
    assert begun_while_another_writes(sqlite_transactions, "read")


def test_without_wal_readers_queue_up_too(
    new_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "wal_is_safe", lambda version: False)
    transactions = Transactions(new_database("sqlite"))
    with transactions.read() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "persist"
    assert not begun_while_another_writes(transactions, "read")
    transactions.close()


def test_every_engine_has_the_same_copy_of_sqlite(sqlite_transactions: Transactions) -> None:
    engine = create_engine(sqlite_transactions.url)
    used = [engine.dialect.dbapi, sqlite_transactions.engine.dialect.dbapi]
    assert [id(module) for module in used] == [id(sqlite3)] * 2
    engine.dispose()


def test_a_thread_may_read_while_it_writes(sqlite_transactions: Transactions) -> None:
    with sqlite_transactions.begin() as writing, sqlite_transactions.read() as reading:
        assert writing.execute(text("SELECT 1")).scalar_one() == 1
        assert reading.execute(text("SELECT 1")).scalar_one() == 1


_WRITER = """
import sys
from sqlalchemy import text
from shared.db import Transactions
transactions = Transactions(sys.argv[1])
with transactions.begin() as session:
    session.execute(text("SELECT 1"))
    print("writing", flush=True)
    sys.stdin.readline()
"""


def test_processes_take_turns(sqlite_transactions: Transactions) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, sqlite_transactions.url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdin is not None and other.stdout is not None
        assert other.stdout.readline() == "writing\n"
        turns = sqlite_transactions._turns
        assert turns is not None
        began = threading.Event()

        def second() -> None:
            with turns.take(alone=True):
                began.set()

        thread = threading.Thread(target=second)
        thread.start()
        assert not began.wait(0.3)
        other.stdin.write("\n")
        other.stdin.flush()
        thread.join(5)
        assert began.is_set()


def test_the_turn_of_a_killed_process_ends(sqlite_transactions: Transactions) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, sqlite_transactions.url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "writing\n"
        other.kill()
        with sqlite_transactions.begin() as session:
            assert session.execute(text("SELECT 1")).scalar_one() == 1


def test_a_statement_with_the_clock_is_compiled_once(transactions: Transactions) -> None:
    with transactions.begin() as session:
        cache: dict[object, object] = {}
        connection = session.connection().execution_options(compiled_cache=cache)
        for _ in range(3):
            connection.execute(select(now_ms() - 5))
    assert len(cache) == 1
