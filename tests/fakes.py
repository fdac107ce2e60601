"""Handwritten fakes for unit tests; they pass the contract tests of the real adapters."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.bus import DeadLetter, Message
from shared.events import Event, encode
from shared.ids import new_id
from shared.topology import MAX_RECEIVES, queues_for


@dataclass
class _Stored:
    queue: str
    body: str
    id: str = field(default_factory=lambda: new_id("msg"))
    receives: int = 0
    visible_at: float = 0.0
    receipt: str = ""
    dead: bool = False


class _MemoryMessage:
    def __init__(self, bus: "MemoryBus", stored: _Stored) -> None:
        self._bus, self._stored, self._receipt = bus, stored, stored.receipt
        self.body, self.receives = stored.body, stored.receives

    def ack(self) -> None:
        self._bus.settle(self._stored, self._receipt, "ack")

    def nack(self, delay: float) -> None:
        self._bus.settle(self._stored, self._receipt, "nack", delay)

    def reject(self) -> None:
        self._bus.settle(self._stored, self._receipt, "reject")

    def extend(self, seconds: float) -> None:
        self._bus.settle(self._stored, self._receipt, "extend", seconds)


class MemoryBus:
    """`Bus` in one process; `away` makes it fail as an unreachable broker does."""

    patience = 2.0

    def __init__(self, *, visibility_seconds: float = 60.0) -> None:
        self.away = False
        self._visibility_seconds = visibility_seconds
        self._changed = threading.Condition()
        self._stored: list[_Stored] = []

    def publish(self, event: Event) -> None:
        self.put(encode(event), queues_for(event))

    def publish_all(self, events: Sequence[Event]) -> None:
        for event in events:
            self.publish(event)

    def put(self, body: str, queues: list[str]) -> None:
        """Any text into the queues."""
        self._check()
        with self._changed:
            self._stored += [_Stored(queue, body) for queue in queues]
            self._changed.notify_all()

    def receive(self, queue: str, n: int, wait: float) -> list[Message]:
        self._check()
        end = time.monotonic() + wait
        with self._changed:
            while True:
                now = time.monotonic()
                found = self._deliver(queue, n, now)
                if found or now >= end:
                    return found
                self._changed.wait(min(0.05, end - now))

    def _deliver(self, queue: str, n: int, now: float) -> list[Message]:
        found: list[Message] = []
        for stored in self._stored:
            if stored.queue != queue or stored.dead or stored.visible_at > now or len(found) == n:
                continue
            if stored.receives >= MAX_RECEIVES:
                stored.dead = True
                continue
            stored.receives += 1
            stored.receipt = new_id("rcp")
            stored.visible_at = now + self._visibility_seconds
            found.append(_MemoryMessage(self, stored))
        return found

    def settle(self, stored: _Stored, receipt: str, how: str, seconds: float = 0.0) -> None:
        """End or prolong a delivery; void after a redelivery."""
        self._check()
        with self._changed:
            if stored not in self._stored or stored.receipt != receipt:
                return
            if how == "ack":
                self._stored.remove(stored)
            elif how == "reject":
                stored.dead, stored.receipt = True, ""
            else:
                stored.visible_at = time.monotonic() + seconds
                stored.receipt = "" if how == "nack" else receipt
            self._changed.notify_all()

    def depth(self, queue: str) -> int:
        return sum(1 for s in self._stored if s.queue == queue and not s.dead)

    def in_work(self, queue: str) -> int:
        """Messages that somebody holds now."""
        now = time.monotonic()
        return sum(1 for s in self._stored if s.queue == queue and s.receipt and s.visible_at > now)

    def dead_letters(self, queue: str) -> list[DeadLetter]:
        return [
            DeadLetter(s.id, s.queue, s.body, s.receives)
            for s in self._stored
            if s.queue == queue and s.dead
        ]

    def redrive(self, queue: str) -> int:
        moved = 0
        with self._changed:
            for stored in self._stored:
                if stored.queue == queue and stored.dead:
                    stored.dead, stored.receives, stored.visible_at = False, 0, 0.0
                    moved += 1
            self._changed.notify_all()
        return moved

    def close(self) -> None:
        pass

    def _check(self) -> None:
        if self.away:
            raise ConnectionError("the bus is away")
