"""The embedded bus: one SQLite file, durable at commit, shared by the processes of one machine."""

import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import structlog

from shared import doorbell
from shared.bus import DeadLetter, Message
from shared.db import wal_is_safe
from shared.events import Event, encode
from shared.topology import MAX_RECEIVES, VISIBILITY_SECONDS, queues_for

log = structlog.get_logger()

T = TypeVar("T")
_POLL_SECONDS = 1.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  queue TEXT NOT NULL,
  body TEXT NOT NULL,
  receives INTEGER NOT NULL DEFAULT 0,
  visible_at INTEGER NOT NULL,
  receipt TEXT,
  dead INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS message_next ON message (queue, dead, visible_at, id);
"""


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
        self._bus.change("DELETE FROM message WHERE id = ? AND receipt = ?", self._key)

    def nack(self, delay: float) -> None:
        self._bus.change(
            "UPDATE message SET visible_at = ?, receipt = NULL WHERE id = ? AND receipt = ?",
            (_now() + int(delay * 1000), *self._key),
        )
        self._bus.ring_for(self._key[0])

    def reject(self) -> None:
        self._bus.change(
            "UPDATE message SET dead = 1, receipt = NULL WHERE id = ? AND receipt = ?", self._key
        )

    def extend(self, seconds: float) -> None:
        self._bus.change(
            "UPDATE message SET visible_at = ? WHERE id = ? AND receipt = ?",
            (_now() + int(seconds * 1000), *self._key),
        )


@dataclass
class _Write(Generic[T]):
    do: Callable[[sqlite3.Connection], T]
    done: bool = False
    result: T | None = None
    error: BaseException | None = None


class SqliteBus:
    """`Bus` on a file of its own; receivers wake by a doorbell in `wake`, else look every second."""

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
        self._connection = sqlite3.connect(
            path, timeout=30, isolation_level=None, check_same_thread=False
        )
        # PERSIST is a rollback journal whose file is kept: a third fewer syncs than DELETE.
        mode = "WAL" if wal_is_safe(sqlite3.sqlite_version_info) else "PERSIST"
        self._connection.execute(f"PRAGMA journal_mode = {mode}")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._write(lambda connection: [connection.execute(s) for s in _SCHEMA.split(";")])

    def publish(self, event: Event) -> None:
        self.put(encode(event), queues_for(event))

    def put(self, body: str, queues: list[str]) -> None:
        """Any text into the queues, in one transaction."""
        rows = [(queue, body, _now()) for queue in queues]
        self._write(
            lambda connection: connection.executemany(
                "INSERT INTO message (queue, body, visible_at) VALUES (?, ?, ?)", rows
            )
        )
        for queue in queues:
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
        with self._using:  # a plain read: an idle receiver takes no write lock
            row = self._connection.execute(
                "SELECT min(visible_at) FROM message WHERE queue = ? AND dead = 0", (queue,)
            ).fetchone()
        if row[0] is None:
            return [], _POLL_SECONDS
        early = row[0] - _now()
        if early > 0:
            return [], min(_POLL_SECONDS, early / 1000)
        return self._write(lambda connection: self._deliver(connection, queue, n)), 0.01

    def _deliver(self, connection: sqlite3.Connection, queue: str, n: int) -> list[Message]:
        now = _now()
        dead = connection.execute(
            "UPDATE message SET dead = 1, receipt = NULL"
            " WHERE queue = ? AND dead = 0 AND visible_at <= ? AND receives >= ?",
            (queue, now, self._max_receives),
        ).rowcount
        if dead:
            log.error("messages_dead", queue=queue, count=dead)
        receipt = secrets.token_hex(8)
        rows = connection.execute(
            "UPDATE message SET receives = receives + 1, visible_at = ?, receipt = ?"
            " WHERE id IN (SELECT id FROM message WHERE queue = ? AND dead = 0"
            " AND visible_at <= ? ORDER BY visible_at, id LIMIT ?) RETURNING id, body, receives",
            (now + self._visibility_ms, receipt, queue, now, min(n, 10)),
        ).fetchall()
        return [SqliteMessage(self, id, receipt, body, count) for id, body, count in sorted(rows)]

    def depth(self, queue: str) -> int:
        return int(
            self._read("SELECT count(*) FROM message WHERE queue = ? AND dead = 0", queue)[0][0]
        )

    def dead_letters(self, queue: str) -> list[DeadLetter]:
        rows = self._read(
            "SELECT id, body, receives FROM message WHERE queue = ? AND dead = 1 ORDER BY id", queue
        )
        return [DeadLetter(str(id), queue, body, count) for id, body, count in rows]

    def redrive(self, queue: str) -> int:
        moved = self.change(
            "UPDATE message SET dead = 0, receives = 0, visible_at = ? WHERE queue = ? AND dead = 1",
            (_now(), queue),
        )
        doorbell.ring(self._wake, queue)
        return moved

    def close(self) -> None:
        with self._using:
            self._connection.close()

    def change(self, statement: str, values: tuple[object, ...]) -> int:
        """One durable statement; the number of rows it changed."""
        return self._write(lambda connection: connection.execute(statement, values).rowcount)

    def ring_for(self, id: int) -> None:
        """Wake the receivers of the queue that holds this message."""
        for (queue,) in self._read("SELECT queue FROM message WHERE id = ?", id):
            doorbell.ring(self._wake, queue)

    def _read(self, statement: str, value: object) -> list[tuple[Any, ...]]:
        with self._using:
            return self._connection.execute(statement, (value,)).fetchall()

    def _write(self, do: Callable[[sqlite3.Connection], T]) -> T:
        """Durable when it returns; the writes of several threads share one commit."""
        write: _Write[T] = _Write(do)
        with self._queueing:
            self._writes.append(write)
        with self._using:
            if not write.done:
                with self._queueing:
                    batch, self._writes = self._writes, []
                self._commit(batch)
        if write.error is not None:
            raise write.error
        return write.result  # type: ignore[return-value]  # set beside done

    def _commit(self, batch: list[_Write[Any]]) -> None:
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
            write.done = True
