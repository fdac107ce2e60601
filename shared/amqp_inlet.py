"""What arrives from RabbitMQ: taken only as there is room, held until settled, given back in time."""

import hashlib
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

from shared.amqp_line import Line

_GRACE_SECONDS = 30.0
"""Beyond the wait: for a connection to be made, and a slow broker."""
_LINGER_SECONDS = 0.5
_LONGEST_HOLD_SECONDS = 25 * 60.0
"""The broker ends the connection of whoever holds a message for 30 minutes."""


@dataclass(eq=False)
class Delivery:
    """One message in our hands; `open` until it is settled, expired, or its connection lost."""

    raw: Any
    body: bytes
    headers: dict[str, Any]
    id: str
    queue: str = ""
    consumer: "_Consumer | None" = None
    until: float = 0.0
    open: bool = True

    @classmethod
    def of(cls, raw: Any) -> Self:
        body = raw.body if isinstance(raw.body, bytes) else str(raw.body).encode()
        headers = raw.properties.get("application_headers")
        known = raw.properties.get("message_id")
        id = str(known) if known else hashlib.sha256(body).hexdigest()[:24]
        return cls(raw, bytes(body), dict(headers) if isinstance(headers, dict) else {}, id)


@dataclass(eq=False)
class _Wish:
    """A receiver that waits for messages of a queue."""

    queue: str
    n: int
    wait: float
    answer: "Future[list[Delivery]]" = field(default_factory=Future)
    came: list[Delivery] = field(default_factory=list)


@dataclass(eq=False)
class _Consumer:
    """What the broker sends a queue's messages to, as many as `prefetch` less those in our hands."""

    queue: str
    tag: str
    prefetch: int
    unsettled: int = 0
    wish: _Wish | None = None
    left_at: float = 0.0

    @property
    def credit(self) -> int:
        return self.prefetch - self.unsettled


class Inlet(Line):
    """A line that receives: what the broker may send is never more than a receiver has room for.

    So nothing waits in the hands of a worker that is busy, while another one is idle. A consumer
    outlives its receiver by a moment only; the next one takes it over. To cancel it while messages
    are under way would count a delivery of each, and eight make a dead letter.
    """

    def __init__(self, url: str, name: str, visibility_seconds: float) -> None:
        super().__init__(url, name)
        self._visibility_seconds = visibility_seconds
        self._channels: dict[str, Any] = {}
        self._prefetch: dict[str, int] = {}
        self._consumers: list[_Consumer] = []
        self._held: set[Delivery] = set()
        self._early: dict[str, deque[Delivery]] = {}
        """Came when nobody waited any more; the next receiver's first."""
        self._watching = False

    def receive(self, queue: str, n: int, wait: float) -> list[Delivery]:
        """Up to `n` messages, as soon as there is one, at the latest after `wait` seconds."""
        wish = _Wish(queue, n, wait)
        self.ask(partial(self._begin, wish))
        return wish.answer.result(wait + _GRACE_SECONDS)

    def ack(self, delivery: Delivery) -> None:
        """It is done with; without effect if somebody else has it by now."""
        self.ask(partial(self._settle, delivery, "ack"))

    def give_back(self, delivery: Delivery) -> None:
        """Let it be delivered again now; the broker counts that."""
        self.ask(partial(self._settle, delivery, "requeue"))

    def extend(self, delivery: Delivery, seconds: float) -> None:
        """Hold it for so long from now."""
        self.ask(partial(self._hold, delivery, seconds))

    def keep(self, delivery: Delivery) -> bool:
        """Whether it is still ours; it then stays so while it is moved."""
        return self.ask(partial(self._hold, delivery, self._visibility_seconds))

    def held(self, queue: str) -> int:
        """How many messages of this queue are in our hands."""
        return self.ask(lambda: sum(1 for delivery in self._held if delivery.queue == queue))

    # The rest runs on the line's thread.

    def _begin(self, wish: _Wish) -> None:
        early = self._early.setdefault(wish.queue, deque())
        while early and len(wish.came) < wish.n:
            if (delivery := early.popleft()).open:
                self._hold(delivery, self._visibility_seconds)
                wish.came.append(delivery)
        if not wish.came and wish.wait <= 0:
            channel = self._channel(wish.queue)
            while len(wish.came) < wish.n and (raw := channel.basic_get(wish.queue)) is not None:
                wish.came.append(self._taken(wish.queue, raw))
        if wish.came or wish.wait <= 0:
            wish.answer.set_result(wish.came)
            return
        self._consumer_for(wish).wish = wish
        self.after(wish.wait, partial(self._end, wish))

    def _consumer_for(self, wish: _Wish) -> _Consumer:
        for consumer in [c for c in self._consumers if c.queue == wish.queue and c.wish is None]:
            if 0 < consumer.credit <= wish.n:
                return consumer
            self._cancel(consumer)
        channel = self._channel(wish.queue)
        if self._prefetch.get(wish.queue) != wish.n:
            channel.basic_qos(0, wish.n, False)
            self._prefetch[wish.queue] = wish.n
        made = _Consumer(wish.queue, str(next(self._numbers)), wish.n)
        self._consumers.append(made)
        # Known before it is asked for: a message may follow the broker's answer at once.
        channel.callbacks[made.tag] = partial(self._arrive, made)
        channel.basic_consume(wish.queue, made.tag, callback=channel.callbacks[made.tag])
        return made

    def _arrive(self, consumer: _Consumer, raw: Any) -> None:
        delivery = self._taken(consumer.queue, raw)
        delivery.consumer = consumer
        consumer.unsettled += 1
        wish = consumer.wish
        if wish is not None and len(wish.came) < wish.n:
            wish.came.append(delivery)
        else:
            self._early.setdefault(consumer.queue, deque()).append(delivery)

    def _taken(self, queue: str, raw: Any) -> Delivery:
        delivery = Delivery.of(raw)
        delivery.queue = queue
        self._held.add(delivery)
        self._hold(delivery, self._visibility_seconds)
        return delivery

    def on_turn(self) -> None:
        for consumer in [c for c in self._consumers if c.wish is not None and c.wish.came]:
            self._answer(consumer)

    def _end(self, wish: _Wish) -> None:
        for consumer in [c for c in self._consumers if c.wish is wish]:
            self._answer(consumer)

    def _answer(self, consumer: _Consumer) -> None:
        wish, consumer.wish = consumer.wish, None
        assert wish is not None
        wish.answer.set_result(wish.came)
        if consumer.credit <= 0:
            self._cancel(consumer)
        else:
            consumer.left_at = time.monotonic()
            self.after(_LINGER_SECONDS, partial(self._leave, consumer, consumer.left_at))

    def _leave(self, consumer: _Consumer, left_at: float) -> None:
        """Nobody came to take the consumer over: the receiver has no room now."""
        if consumer not in self._consumers or consumer.wish or consumer.left_at != left_at:
            return
        self._cancel(consumer)
        for delivery in [d for d in self._early[consumer.queue] if d.consumer is consumer]:
            self._settle(delivery, "requeue")

    def _cancel(self, consumer: _Consumer) -> None:
        self._consumers.remove(consumer)
        self._channels[consumer.queue].basic_cancel(consumer.tag)

    def _hold(self, delivery: Delivery, seconds: float) -> bool:
        delivery.until = time.monotonic() + min(max(seconds, 0.0), _LONGEST_HOLD_SECONDS)
        if not self._watching:
            self._watch()
        return delivery.open

    def _watch(self) -> None:
        """Give back what nobody has settled in time."""
        now = time.monotonic()
        for delivery in [delivery for delivery in self._held if delivery.until <= now]:
            self._settle(delivery, "requeue")
        self._watching = bool(self._held)
        if self._watching:
            self.after(min(1.0, self._visibility_seconds / 8), self._watch)

    def _settle(self, delivery: Delivery, how: str) -> None:
        if not delivery.open:
            return
        delivery.open = False
        self._held.discard(delivery)
        if delivery.consumer is not None:
            delivery.consumer.unsettled -= 1
        channel, tag = self._channels[delivery.queue], delivery.raw.delivery_tag
        if how == "ack":
            channel.basic_ack(tag)
        else:
            channel.basic_reject(tag, requeue=True)

    def _channel(self, queue: str) -> Any:
        """One a queue, so that what is asked of one queue says nothing about another."""
        if queue not in self._channels:
            channel = self.connection().channel()
            channel.auto_decode = False  # a stranger's message may lie about its encoding
            self._channels[queue] = channel
        return self._channels[queue]

    def on_lost(self, error: Exception) -> None:
        held, self._held = self._held, set()
        wishes = [consumer.wish for consumer in self._consumers]
        self._consumers.clear()
        self._channels.clear()
        self._early.clear()
        self._prefetch.clear()
        for delivery in held:
            delivery.open = False
        for wish in wishes:
            if wish is not None:
                wish.answer.set_exception(ConnectionError(f"RabbitMQ hung up: {error!r}"))
