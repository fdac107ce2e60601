"""The embedded bus: one SQLite file, durable at commit, shared by the processes of one machine."""

import fcntl
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import structlog

from shared import doorbell
from shared.bus import DeadLetter, Message
from shared.events import Event, encode
from shared.sqlite_driver import sqlite3
from shared.sqlite_wal import wal_is_safe
from shared.topology import MAX_RECEIVES, VISIBILITY_SECONDS, queues_for

log = structlog.get_logger()

T = TypeVar("T")
_POLL_SECONDS = 1.0
_COMPANY_SECONDS = 0.008
"""An acknowledgement waits at most so long for others that share its commit; nobody waits for it."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS letter (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  queue TEXT NOT NULL,
  body TEXT NOT NULL,
  receives INTEGER NOT NULL DEFAULT 0,
  dead INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS letter_next ON letter (queue, dead, id);
CREATE TABLE IF NOT EXISTS fleeting.delivery (
  id INTEGER PRIMARY KEY,
  queue TEXT NOT NULL,
  receives INTEGER NOT NULL,
  visible_at INTEGER NOT NULL,
  receipt TEXT
);
"""
_ACK = (
    "DELETE FROM letter WHERE id = (SELECT id FROM fleeting.delivery WHERE id = ? AND receipt = ?)"
)
_REJECT = (
    "UPDATE letter SET dead = 1, receives = ?"
    " WHERE id = (SELECT id FROM fleeting.delivery WHERE id = ? AND receipt = ?)"
)
DELIVERIES = "-deliveries-"
"""Follows the bus file's name in that of the file of deliveries; what comes last is the boot."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def _now() -> int:
    return time.time_ns() // 1_000_000


class SqliteMessage:
    """A delivery; its receipt is void once the message was delivered again."""

    def __init__(self, bus: "SqliteBus", id: int, receipt: str, body: str, receives: int) -> None:
        self._bus = bus
        self._key = (id, receipt)
        self.body = body
        self.receives = receives

    def ack(self) -> None:
        self._bus.change(_ACK, self._key, patience=_COMPANY_SECONDS)

    def nack(self, delay: float) -> None:
        self._bus.change(
            "UPDATE fleeting.delivery SET visible_at = ?, receipt = NULL"
            " WHERE id = ? AND receipt = ?",
            (_now() + int(delay * 1000), *self._key),
        )
        self._bus.ring_for(self._key[0])

    def reject(self) -> None:
        self._bus.change(_REJECT, (self.receives, *self._key))

    def extend(self, seconds: float) -> None:
        self._bus.change(
            "UPDATE fleeting.delivery SET visible_at = ? WHERE id = ? AND receipt = ?",
            (_now() + int(seconds * 1000), *self._key),
        )


@dataclass
class _Write(Generic[T]):
    do: Callable[[sqlite3.Connection], T]
    done: threading.Event = field(default_factory=threading.Event)
    result: T | None = None
    error: BaseException | None = None


class SqliteBus:
    """`Bus` on a file of its own; receivers wake by a doorbell in `wake`, else look every second.

    Messages are synced to disk. Who has received what, and how often, is kept in a second file that
    survives processes but not the machine: after a power cut all that was in work is delivered again.
    """

    patience = 2.0

    def __init__(
        self,
        path: Path,
        wake: Path,
        *,
        visibility_seconds: float = VISIBILITY_SECONDS,
        max_receives: int = MAX_RECEIVES,
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._wake = wake
        self._visibility_ms = int(visibility_seconds * 1000)
        self._max_receives = max_receives
        self._using = threading.Lock()
        self._queueing = threading.Lock()
        self._writes: list[_Write[Any]] = []
        # SQLite's busy handler sleeps, up to 0.1 s at a time; the kernel wakes who waits for a lock.
        self._turn = os.open(f"{path}-turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._connection = sqlite3.connect(
            path, timeout=30, isolation_level=None, check_same_thread=False
        )
        # PERSIST is a rollback journal whose file is kept: a third fewer syncs than DELETE.
        mode = "WAL" if wal_is_safe(sqlite3.sqlite_version_info) else "PERSIST"
        self._connection.execute(f"PRAGMA journal_mode = {mode}")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._attach_deliveries(path)
        self._write(lambda connection: [connection.execute(s) for s in _SCHEMA.split(";")])

    def _attach_deliveries(self, path: Path) -> None:
        stem = path.name + DELIVERIES
        mine = path.with_name(stem + _BOOT_ID.read_text().strip())
        for old in path.parent.glob(f"{stem}*"):  # unsynced, so not to be read after a power cut
            if not old.name.startswith(mine.name):
                old.unlink(missing_ok=True)
        self._connection.execute("ATTACH DATABASE ? AS fleeting", (str(mine),))
        self._connection.execute("PRAGMA fleeting.journal_mode = PERSIST")
        self._connection.execute("PRAGMA fleeting.synchronous = OFF")

    def publish(self, event: Event) -> None:
        self.publish_all([event])

    def publish_all(self, events: Sequence[Event]) -> None:
        self._put([(queue, encode(event)) for event in events for queue in queues_for(event)])

    def put(self, body: str, queues: list[str]) -> None:
        """Any text into the queues, in one transaction."""
        self._put([(queue, body) for queue in queues])

    def _put(self, letters: list[tuple[str, str]]) -> None:
        self._write(
            lambda connection: connection.executemany(
                "INSERT INTO letter (queue, body) VALUES (?, ?)", letters
            )
        )
        for queue in sorted({queue for queue, _ in letters}):
            doorbell.ring(self._wake, queue)

    def receive(self, queue: str, n: int, wait: float) -> list[Message]:
        end = time.monotonic() + wait
        found, _ = self._take(queue, n)
        if found or wait <= 0:
            return found
        with doorbell.Doorbell(self._wake, queue) as bell:
            while True:
                found, pause = self._take(queue, n)
                left = end - time.monotonic()
                if found or left <= 0:
                    return found
                bell.wait(min(left, pause))

    def _take(self, queue: str, n: int) -> tuple[list[Message], float]:
        """What is visible now, and the seconds after which looking again is worth it."""
        with self._in_turn(fcntl.LOCK_SH):  # a plain read: an idle receiver takes no write lock
            row = self._connection.execute(
                "SELECT coalesce((SELECT 0 FROM letter WHERE queue = :queue AND dead = 0 AND"
                " NOT EXISTS (SELECT 1 FROM fleeting.delivery d WHERE d.id = letter.id) LIMIT 1),"
                " (SELECT min(visible_at) FROM fleeting.delivery d JOIN letter USING (id)"
                " WHERE d.queue = :queue AND dead = 0))",
                {"queue": queue},
            ).fetchone()
        if row[0] is None:
            return [], _POLL_SECONDS
        early = row[0] - _now()
        if early > 0:
            return [], min(_POLL_SECONDS, early / 1000)
        return self._write(lambda connection: self._deliver(connection, queue, n)), 0.01

    def _deliver(self, connection: sqlite3.Connection, queue: str, n: int) -> list[Message]:
        now = _now()
        connection.execute(
            "DELETE FROM fleeting.delivery AS d WHERE queue = ?"
            " AND NOT EXISTS (SELECT 1 FROM letter WHERE letter.id = d.id AND dead = 0)",
            (queue,),
        )
        dead = connection.execute(
            "UPDATE letter SET dead = 1, receives = ? WHERE id IN (SELECT id FROM"
            " fleeting.delivery WHERE queue = ? AND visible_at <= ? AND receives >= ?)",
            (self._max_receives, queue, now, self._max_receives),
        ).rowcount
        if dead:
            log.error("messages_dead", queue=queue, count=dead)
        rows = connection.execute(
            "SELECT m.id, m.body, coalesce(d.receives, 0) + 1 FROM letter m"
            " LEFT JOIN fleeting.delivery d USING (id) WHERE m.queue = ? AND m.dead = 0"
            " AND coalesce(d.visible_at, 0) <= ? ORDER BY m.id LIMIT ?",
            (queue, now, min(n, 10)),
        ).fetchall()
        receipt = secrets.token_hex(8)
        until = now + self._visibility_ms
        connection.executemany(
            "INSERT OR REPLACE INTO fleeting.delivery VALUES (?, ?, ?, ?, ?)",
            [(id, queue, receives, until, receipt) for id, _, receives in rows],
        )
        return [SqliteMessage(self, id, receipt, body, count) for id, body, count in rows]

    def depth(self, queue: str) -> int:
        return int(
            self._read("SELECT count(*) FROM letter WHERE queue = ? AND dead = 0", queue)[0][0]
        )

    def dead_letters(self, queue: str) -> list[DeadLetter]:
        rows = self._read(
            "SELECT id, body, receives FROM letter WHERE queue = ? AND dead = 1 ORDER BY id", queue
        )
        return [DeadLetter(str(id), queue, body, count) for id, body, count in rows]

    def redrive(self, queue: str) -> int:
        moved = self._write(lambda connection: self._revive(connection, queue))
        doorbell.ring(self._wake, queue)
        return moved

    @staticmethod
    def _revive(connection: sqlite3.Connection, queue: str) -> int:
        connection.execute(
            "DELETE FROM fleeting.delivery WHERE id IN"
            " (SELECT id FROM letter WHERE queue = ? AND dead = 1)",
            (queue,),
        )
        return connection.execute(
            "UPDATE letter SET dead = 0, receives = 0 WHERE queue = ? AND dead = 1", (queue,)
        ).rowcount

    def close(self) -> None:
        with self._using:
            self._connection.close()
            os.close(self._turn)

    def change(self, statement: str, values: tuple[object, ...], *, patience: float = 0.0) -> int:
        """One durable statement; the number of rows it changed."""
        return self._write(
            lambda connection: connection.execute(statement, values).rowcount, patience
        )

    def ring_for(self, id: int) -> None:
        """Wake the receivers of the queue that holds this message."""
        for (queue,) in self._read("SELECT queue FROM letter WHERE id = ?", id):
            doorbell.ring(self._wake, queue)

    def _read(self, statement: str, value: object) -> list[tuple[Any, ...]]:
        with self._in_turn(fcntl.LOCK_SH):
            return self._connection.execute(statement, (value,)).fetchall()

    def _write(self, do: Callable[[sqlite3.Connection], T], patience: float = 0.0) -> T:
        """Durable when it returns; the writes of several threads share one commit."""
        write: _Write[T] = _Write(do)
        with self._queueing:
            self._writes.append(write)
        if patience and write.done.wait(patience):
            pass  # somebody else's commit took it along
        else:
            with self._using:
                if not write.done.is_set():
                    self._commit()
        if write.error is not None:
            raise write.error
        return write.result  # type: ignore[return-value]  # set beside done

    def _commit(self) -> None:
        with self._turn_at_file(fcntl.LOCK_EX):
            with self._queueing:  # all that has come while we waited
                batch, self._writes = self._writes, []
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                for write in batch:
                    write.result = write.do(self._connection)
                self._connection.execute("COMMIT")
            except BaseException as error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                for write in batch:
                    write.error = error
        for write in batch:
            write.done.set()

    @contextmanager
    def _in_turn(self, mode: int) -> Iterator[None]:
        with self._using, self._turn_at_file(mode):
            yield

    @contextmanager
    def _turn_at_file(self, mode: int) -> Iterator[None]:
        """Among processes: many readers, or one writer; the kernel ends the turn of a dead process."""
        fcntl.flock(self._turn, mode)
        try:
            yield
        finally:
            fcntl.flock(self._turn, fcntl.LOCK_UN)
