"""The bus port: facts go in by topic, each queue gets its copy at least once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.events import Event


class Message(Protocol):
    """One delivery; exactly one of `ack`, `nack` or `reject` ends it."""

    body: str
    receives: int

    def ack(self) -> None: ...

    def nack(self, delay: float) -> None:
        """Give it back; it is delivered again after `delay` seconds."""
        ...

    def reject(self) -> None:
        """Move it to the dead letters now."""
        ...

    def extend(self, seconds: float) -> None:
        """Hide it for `seconds` more from now."""
        ...


@dataclass(frozen=True)
class DeadLetter:
    """A message that no handler could take: its queue, text, and deliveries so far."""

    id: str
    queue: str
    body: str
    receives: int


class Bus(Protocol):
    patience: float
    """Seconds that a receiver waits at once, when nothing else decides: short, unless each call is paid for."""

    def publish(self, event: Event) -> None:
        """Durable when it returns; a copy waits in each subscribed queue."""
        ...

    def publish_all(self, events: Sequence[Event]) -> None:
        """As `publish`, for less than one by one; where it raises, any of them may have been sent."""
        ...

    def receive(self, queue: str, n: int, wait: float) -> list[Message]:
        """Up to `n` messages (at most 10), after at most `wait` seconds."""
        ...

    def depth(self, queue: str) -> int:
        """Messages that wait or are in work (approximate on SQS)."""
        ...

    def dead_letters(self, queue: str) -> list[DeadLetter]: ...

    def redrive(self, queue: str) -> int:
        """Put the dead letters back into their queue; how many moved. Safe to repeat."""
        ...

    def close(self) -> None: ...
