"""The bus on RabbitMQ: a durable topic exchange per topic, a quorum queue per reader, all publishes confirmed.

Quorum queues count deliveries also when a receiver dies. A receiver that neither settles nor extends
a message loses it to another one after its visibility, as on the other buses; this process sees to
that, far below the broker's own `consumer_timeout` of 30 minutes, which would end the connection.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import structlog

from shared.amqp_inlet import Delivery, Inlet
from shared.amqp_line import Line
from shared.amqp_outlet import Letter, Outlet
from shared.bus import DeadLetter, Message
from shared.events import Event, encode
from shared.topology import MAX_RECEIVES, QUEUES, SUBSCRIPTIONS, TOPICS, VISIBILITY_SECONDS

log = structlog.get_logger()

PREFIX = "toolyard"
RECEIVES = "x-toolyard-receives"
"""Deliveries that a message has behind it when it is published again."""
_PAUSES = (1, 2, 5, 10, 20, 40, 80, 160, 300)
"""Seconds; a delay is rounded up to one of these. A queue each, where messages wait to go back."""
_LISTED_AT_MOST = 10_000
_NO_LOSS = {"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}
"""What the broker moves by itself leaves its queue only when it is safe in the next one."""


class KombuMessage:
    """A delivery that this process holds until it is settled, or its visibility is over."""

    def __init__(self, bus: "KombuBus", delivery: Delivery, queue: str) -> None:
        self._bus = bus
        self._delivery = delivery
        self._queue = queue
        self.body = delivery.body.decode(errors="replace")
        before = delivery.headers.get(RECEIVES, 0)
        counted = delivery.headers.get("x-delivery-count", 0)
        self.receives = _whole(before) + _whole(counted) + 1

    def ack(self) -> None:
        self._bus.inlet.ack(self._delivery)

    def nack(self, delay: float) -> None:
        if delay <= 0:
            self._bus.inlet.give_back(self._delivery)
            return
        pause = next((p for p in _PAUSES if p >= delay), _PAUSES[-1])
        name = queue_name(self._bus.prefix, self._queue)
        self._move(later_name(self._bus.prefix, pause), name)

    def reject(self) -> None:
        self._move(dead_exchange(self._bus.prefix), self._queue)

    def extend(self, seconds: float) -> None:
        self._bus.inlet.extend(self._delivery, seconds)

    def _move(self, exchange: str, key: str) -> None:
        if not self._bus.inlet.keep(self._delivery):
            return  # it has been given to another receiver
        # In this order a crash between the two leaves a duplicate, never a loss.
        headers = {RECEIVES: self.receives}
        letter = Letter(exchange, key, self._delivery.body, self._delivery.id, headers)
        try:
            self._bus.outlet.publish([letter])
        except Exception:
            self._bus.inlet.extend(self._delivery, self._bus.visibility_seconds)
            raise
        self._bus.inlet.ack(self._delivery)


class KombuBus:
    """`Bus` on exchanges and queues that `provision` made; `prefix` keeps installations apart.

    One connection publishes, another receives: a broker that is short of memory or disk stops
    reading from publishers, and acknowledgements must still reach it.
    """

    patience = 2.0

    def __init__(
        self, url: str, prefix: str = PREFIX, *, visibility_seconds: float = VISIBILITY_SECONDS
    ) -> None:
        self.prefix = prefix
        self.visibility_seconds = visibility_seconds
        self.inlet = Inlet(url, f"{prefix} receives", visibility_seconds)
        self.outlet = Outlet(url, f"{prefix} publishes")
        self._aside = Line(url, f"{prefix} looks")
        self._looking = threading.Lock()

    def publish(self, event: Event) -> None:
        self.publish_all([event])

    def publish_all(self, events: Sequence[Event]) -> None:
        self.outlet.publish(
            [
                Letter(
                    exchange_name(self.prefix, event.topic),
                    type(event).__name__,
                    encode(event).encode(),
                    event.event_id,
                )
                for event in events
            ]
        )

    def receive(self, queue: str, n: int, wait: float) -> list[Message]:
        found: list[Message] = []
        name = queue_name(self.prefix, queue)
        for delivery in self.inlet.receive(name, max(1, min(n, 10)), wait):
            message = KombuMessage(self, delivery, queue)
            if message.receives > MAX_RECEIVES:
                log.error("messages_dead", queue=queue, count=1)
                message.reject()
            else:
                found.append(message)
        return found

    def depth(self, queue: str) -> int:
        """Without what other processes hold, and what waits for a delayed delivery: AMQP tells neither."""
        name = queue_name(self.prefix, queue)
        return self._aside.ask(partial(self._ready, name)) + self.inlet.held(name)

    def dead_letters(self, queue: str) -> list[DeadLetter]:
        return self._aside.ask(partial(self._list, queue))

    def redrive(self, queue: str) -> int:
        with self._looking:
            return sum(iter(partial(self._redrive_one, queue), 0))

    def close(self) -> None:
        for line in (self.inlet, self.outlet, self._aside):
            line.close()

    def _ready(self, name: str) -> int:
        with self._aside.connection().channel() as channel:
            return int(channel.queue_declare(name, passive=True).message_count)

    def _list(self, queue: str) -> list[DeadLetter]:
        found: list[DeadLetter] = []
        # Closing the channel puts all of them back to where they were.
        with self._aside.connection().channel() as channel:
            channel.auto_decode = False
            while len(found) < _LISTED_AT_MOST:
                raw = channel.basic_get(dead_name(self.prefix, queue))
                if raw is None:
                    break
                letter = Delivery.of(raw)
                receives = _whole(letter.headers.get(RECEIVES, 0))
                text = letter.body.decode(errors="replace")
                found.append(DeadLetter(letter.id, queue, text, receives))
        return found

    def _redrive_one(self, queue: str) -> int:
        found = self.inlet.receive(dead_name(self.prefix, queue), 1, 0)
        for letter in found:
            self.outlet.publish(
                [Letter("", queue_name(self.prefix, queue), letter.body, letter.id)]
            )
            self.inlet.ack(letter)
        return len(found)


def _whole(header: object) -> int:
    """A count that a stranger may have written."""
    return header if isinstance(header, int) and header > 0 else 0


def exchange_name(prefix: str, topic: str) -> str:
    return f"{prefix}.{topic}"


def queue_name(prefix: str, queue: str) -> str:
    return f"{prefix}.{queue}"


def dead_name(prefix: str, queue: str) -> str:
    return f"{prefix}.{queue}.dead"


def dead_exchange(prefix: str) -> str:
    return f"{prefix}.dead"


def later_name(prefix: str, seconds: int) -> str:
    return f"{prefix}.later.{seconds}"


@dataclass(frozen=True)
class Place:
    """Where a broker is, and what this installation's names begin with."""

    url: str
    prefix: str


def place(address: str) -> Place:
    """Read `amqp[s]://user:password@host:port/vhost?prefix=…&ca=…`; the prefix is `toolyard` when not given."""
    split = urlsplit(address)
    query = parse_qs(split.query)
    prefix = query.get("prefix", [PREFIX])[0]
    if not split.hostname or not prefix.replace("-", "").isalnum():
        raise ValueError(
            "TOOLYARD_BUS_URL must be amqps://USER:PASSWORD@HOST:PORT/VHOST, "
            "with ?prefix=NAME (letters, digits, '-') where installations share a virtual host."
        )
    trusted = query.get("ca", [""])[0]
    if trusted and not Path(trusted).is_file():
        raise ValueError(f"TOOLYARD_BUS_URL names the file ca={trusted}, which is not there.")
    kept = urlencode({"ca": trusted}) if trusted else ""
    return Place(urlunsplit(split._replace(query=kept)), prefix)


def open_at(address: str) -> KombuBus:
    """The bus of one installation; `shared/bus_open.py` loads this module by name."""
    found = place(address)
    return KombuBus(found.url, found.prefix)


def provision(address: str) -> None:
    """Make all exchanges, queues and bindings of the topology; safe to repeat."""
    found = place(address)
    line = Line(found.url, f"{found.prefix} provisions")
    try:
        line.ask(lambda: _provision(line.connection(), found.prefix))
    finally:
        line.close()


def _provision(connection: Any, prefix: str) -> None:
    with connection.channel() as channel:
        exchange = partial(channel.exchange_declare, durable=True, auto_delete=False)
        queue = partial(channel.queue_declare, durable=True, auto_delete=False)
        for topic in TOPICS:
            exchange(exchange_name(prefix, topic), "topic")
        exchange(dead_exchange(prefix), "direct")
        for name in QUEUES:
            # Classic, because a quorum queue of later versions drops what was looked at too often.
            queue(dead_name(prefix, name))
            channel.queue_bind(dead_name(prefix, name), dead_exchange(prefix), name)
            dead = {
                "x-dead-letter-exchange": dead_exchange(prefix),
                "x-dead-letter-routing-key": name,
            }
            queue(
                queue_name(prefix, name), arguments={"x-queue-type": "quorum", **dead, **_NO_LOSS}
            )
        for subscription in SUBSCRIPTIONS:
            for event in subscription.events:
                channel.queue_bind(
                    queue_name(prefix, subscription.queue),
                    exchange_name(prefix, subscription.topic),
                    event.__name__,
                )
        for seconds in _PAUSES:
            name = later_name(prefix, seconds)
            exchange(name, "fanout")
            back = {"x-message-ttl": seconds * 1000, "x-dead-letter-exchange": ""}
            queue(name, arguments={"x-queue-type": "quorum", **back, **_NO_LOSS})
            channel.queue_bind(name, name)
