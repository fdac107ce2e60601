"""Outbox to bus: publishes what was committed, then marks it; several relays at once are harmless."""

import threading
import time
from pathlib import Path
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy import bindparam, delete, select, update

from shared import doorbell, outbox, tracing
from shared.bus import Bus
from shared.db import Transactions, now_ms
from shared.events import Event, decode
from shared.schema.messages import Inbox, Outbox

log = structlog.get_logger()

BATCH = 100
"""Events that are published in one step."""
_POLL_SECONDS = 1.0
_BACKOFF_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)
_FAILURES_THAT_MEAN_AWAY = 3
_TRIM_SECONDS = 600.0
_DAY_MS = 24 * 3600 * 1000
KEEP_PUBLISHED_DAYS = 7
KEEP_INBOX_DAYS = 60
"""Far longer than any bus keeps a message (SQS: 14 days in a queue, 14 more as a dead letter)."""
_EVENTS: Any = Outbox.__table__
_WAITING = (  # both are asked for each run: put together once
    select(_EVENTS.c.id, _EVENTS.c.body)
    .where(_EVENTS.c.published_at.is_(None))
    .order_by(_EVENTS.c.at, _EVENTS.c.id)
    .limit(BATCH)
)
_PUBLISHED = (
    update(_EVENTS)
    .where(_EVENTS.c.id.in_(bindparam("sent", expanding=True)), _EVENTS.c.published_at.is_(None))
    .values(published_at=now_ms())
)


class Relay:
    """One loop; what was published but not yet marked is published again after a crash."""

    def __init__(
        self,
        transactions: Transactions,
        bus: Bus,
        data: Path,
        *,
        backoff: tuple[float, ...] = _BACKOFF_SECONDS,
    ) -> None:
        self._transactions = transactions
        self._bus = bus
        self._wake = doorbell.folder_of(data)
        self._backoff = backoff
        self._stopping = threading.Event()
        self._failures = 0

    def run(self) -> None:
        """Blocks until `stop`; survives an outage of the bus and of the database."""
        trim_at = 0.0
        with doorbell.Doorbell(self._wake, outbox.DOORBELL) as bell:
            while not self._stopping.is_set():
                try:
                    full = self.once() == BATCH
                    if time.monotonic() >= trim_at:
                        self.trim()
                        trim_at = time.monotonic() + _TRIM_SECONDS
                    self._failures = 0
                except Exception as error:
                    self._pause(error)
                    continue
                if not full and not self._stopping.is_set():
                    bell.wait(_POLL_SECONDS)

    def stop(self) -> None:
        """`run` returns after the batch in work; safe in a signal handler."""
        self._stopping.set()
        doorbell.ring(self._wake, outbox.DOORBELL)

    def once(self) -> int:
        """Publish one batch; how many rows were marked. Raises when the bus is away."""
        waiting = self._waiting()
        sent, failure = self._publish(waiting) if waiting else ([], None)
        if sent:
            with self._transactions.begin() as session:
                session.execute(_PUBLISHED, {"sent": sent})
        if failure is not None:
            raise failure
        return len(sent)

    def trim(self) -> None:
        """Forget what was published, and what was handled, long ago."""
        with self._transactions.begin() as session:
            session.execute(
                delete(Outbox).where(Outbox.published_at < now_ms() - KEEP_PUBLISHED_DAYS * _DAY_MS)
            )
            session.execute(delete(Inbox).where(Inbox.at < now_ms() - KEEP_INBOX_DAYS * _DAY_MS))

    def _waiting(self) -> list[tuple[str, Event]]:
        with self._transactions.read() as session:
            rows = session.execute(_WAITING).all()
        waiting = []
        for id, body in rows:
            try:
                waiting.append((id, decode(body)))
            except (
                ValidationError
            ) as error:  # an older relay meets a newer web: a newer relay sends it
                log.error("outbox_unreadable", event_id=id, errors=error.error_count())
        return waiting

    def _publish(self, waiting: list[tuple[str, Event]]) -> tuple[list[str], Exception | None]:
        spans = [_published(event) for _, event in waiting]
        waiting = [
            (id, event.model_copy(update={"trace": span.traceparent or event.trace}))
            for (id, event), span in zip(waiting, spans, strict=True)
        ]
        try:
            return self._publish_together(waiting)
        finally:
            for span in spans:
                span.end()

    def _publish_together(
        self, waiting: list[tuple[str, Event]]
    ) -> tuple[list[str], Exception | None]:
        try:
            self._bus.publish_all([event for _, event in waiting])
            return [id for id, _ in waiting], None
        except Exception as error:
            log.info("relay_goes_one_by_one", count=len(waiting), error=repr(error))
            return self._publish_each(waiting)

    def _publish_each(self, waiting: list[tuple[str, Event]]) -> tuple[list[str], Exception | None]:
        """One that the bus refuses holds up no other."""
        sent: list[str] = []
        failure, in_a_row = None, 0
        for id, event in waiting:
            try:
                self._bus.publish(event)
                sent.append(id)
                in_a_row = 0
            except Exception as error:
                failure, in_a_row = error, in_a_row + 1
                if in_a_row == _FAILURES_THAT_MEAN_AWAY:
                    break
            if self._stopping.is_set():
                break
        return sent, failure

    def _pause(self, error: Exception) -> None:
        pause = self._backoff[min(self._failures, len(self._backoff) - 1)]
        self._failures += 1
        log.warning("relay_waits", error=repr(error), pause=pause, failures=self._failures)
        self._stopping.wait(pause)


def _published(event: Event) -> tracing.Span:
    """The span of its way through the relay; whoever handles it is its child."""
    return tracing.begin(
        f"publish {type(event).__name__}",
        parent=event.trace,
        kind="producer",
        event=event.event_id,
    )
