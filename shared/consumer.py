"""The consume loop: receive as much as there is room for, handle, acknowledge; drain on stop."""

import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import structlog
from pydantic import ValidationError

from shared import logs, tracing
from shared.bus import Bus, Message
from shared.errors import Reject, Retry
from shared.events import Event, decode

_SCHEMA_VERSION = 1
_BATCH = 10
_BROKER_AWAY_SECONDS = (0.5, 1.0, 2.0, 5.0)
_LONGEST_PAUSE_SECONDS = 120.0
_NEWER_SECONDS = 30.0

log = structlog.get_logger()

Handler = Callable[[Any], None]
"""Takes one event; returns (done), raises `Retry`, `Reject`, or anything else (= `Retry`)."""

Answer = Callable[[], None]
"""How a message is settled."""


def pause_before_retry(first: float, receives: int) -> float:
    """Seconds until the next delivery, doubled at each one, at most two minutes.

    A server may be away for ten minutes (DESIGN 3.2): with `first` = 5 s the topology's
    `MAX_RECEIVES` still try a message a quarter of an hour after its first delivery.
    """
    return float(min(first * 2 ** (max(receives, 1) - 1), _LONGEST_PAUSE_SECONDS))


class Consumer:
    """Reads one queue with one receiver; `run` returns after `stop` once the handlers have finished."""

    def __init__(
        self,
        bus: Bus,
        queue: str,
        handlers: Mapping[str, Handler],
        *,
        slots: int = 1,
        free_slots: Callable[[], int] | None = None,
        wait: float | None = None,
        retry_seconds: float = 5.0,
    ) -> None:
        """`handlers` by event type; `free_slots` caps what is fetched where the real work is done elsewhere."""
        self._bus = bus
        self._queue = queue
        self._handlers = dict(handlers)
        self._slots = slots
        self._free_slots = free_slots
        self._wait = bus.patience if wait is None else wait
        self._retry_seconds = retry_seconds
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._in_work = 0
        self._away = 0

    def run(self) -> None:
        """Blocks until `stop` was called and every handler has returned."""
        # A handled message leaves its place before it is acknowledged: acknowledgements share a
        # commit, and the next message need not wait for that. Hence more threads than places.
        threads = self._slots + _BATCH
        with ThreadPoolExecutor(threads, thread_name_prefix=self._queue) as pool:
            while not self._stopping.is_set():
                room = self._room()
                if room == 0:
                    with self._changed:
                        self._changed.wait(0.2)
                    continue
                for message in self._receive(room):
                    if self._stopping.is_set():
                        self._settle(partial(message.nack, 0.0))
                        continue
                    with self._changed:
                        self._in_work += 1
                    pool.submit(self._work, message)

    def stop(self) -> None:
        """No new message is taken; safe in a signal handler."""
        self._stopping.set()

    def wake(self) -> None:
        """Look again now, because `free_slots` has grown."""
        with self._changed:
            self._changed.notify_all()

    def _room(self) -> int:
        with self._changed:
            in_work = self._in_work
        elsewhere = self._slots if self._free_slots is None else self._free_slots()
        return max(0, min(_BATCH, self._slots - in_work, elsewhere - in_work))

    def _receive(self, room: int) -> list[Message]:
        try:
            messages = self._bus.receive(self._queue, room, self._wait)
        except Exception as error:
            pause = _BROKER_AWAY_SECONDS[min(self._away, len(_BROKER_AWAY_SECONDS) - 1)]
            self._away += 1
            log.warning("bus_unreachable", queue=self._queue, error=repr(error), pause=pause)
            self._stopping.wait(pause)
            return []
        self._away = 0
        return messages

    def _work(self, message: Message) -> None:
        try:
            answer = self._answer_to(message)
        finally:
            with self._changed:
                self._in_work -= 1
                self._changed.notify_all()
        self._settle(answer)

    def handle(self, message: Message) -> None:
        """One message from decoding to ack, nack or reject."""
        self._settle(self._answer_to(message))

    def _answer_to(self, message: Message) -> Answer:
        try:
            event = decode(message.body)
        except ValidationError as error:
            if _is_from_the_future(message.body):
                log.warning("message_from_newer_version", queue=self._queue)
                return partial(message.nack, pause_before_retry(_NEWER_SECONDS, message.receives))
            log.error("message_malformed", queue=self._queue, errors=error.error_count())
            return message.reject
        with logs.bound(**_ids(event)):
            return self._handled(message, event)

    def _handled(self, message: Message, event: Event) -> Answer:
        kind = type(event).__name__
        handler = self._handlers.get(kind)
        if event.schema_version > _SCHEMA_VERSION:
            log.warning("message_from_newer_version", queue=self._queue, type=kind)
            return partial(message.nack, pause_before_retry(_NEWER_SECONDS, message.receives))
        if handler is None:
            log.error("message_unexpected", queue=self._queue, type=kind)
            return message.reject
        try:
            with tracing.span(
                f"{self._queue} {kind}",
                parent=event.trace,
                kind="consumer",
                queue=self._queue,
                event=event.event_id,
            ):
                handler(event)
        except Retry as retry:
            log.info("message_retried", queue=self._queue, type=kind, reason=str(retry))
            return partial(message.nack, pause_before_retry(retry.delay, message.receives))
        except Reject as reject:
            log.error("message_rejected", queue=self._queue, type=kind, reason=str(reject))
            return message.reject
        except Exception:
            log.exception("message_failed", queue=self._queue, type=kind, receives=message.receives)
            pause = pause_before_retry(self._retry_seconds, message.receives)
            return partial(message.nack, pause)
        return message.ack

    def _settle(self, answer: Answer) -> None:
        try:
            answer()
        except Exception as error:
            # It becomes visible again by itself; the inbox or the claim tells that it was handled.
            log.warning("message_not_settled", queue=self._queue, error=repr(error))


def _ids(event: Event) -> dict[str, str]:
    found = {name: str(value) for name, value in event if name.endswith("_id")}
    return {"type": type(event).__name__, **found}


def _is_from_the_future(body: str) -> bool:
    try:
        version = json.loads(body)["schema_version"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return False
    return isinstance(version, int) and version > _SCHEMA_VERSION
