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
    tag: str = ""
    answered: bool = False


class Inlet(Line):
    """A line that receives: a consumer lives as long as one `receive`, and may get as much as it asked for.

    So nothing waits in the hands of a worker that has no room, while another one is idle.
    """

    def __init__(self, url: str, name: str, visibility_seconds: float) -> None:
        super().__init__(url, name)
        self._visibility_seconds = visibility_seconds
        self._channels: dict[str, Any] = {}
        self._prefetch: dict[str, int] = {}
        self._wishes: list[_Wish] = []
        self._held: set[Delivery] = set()
        self._early: dict[str, deque[Delivery]] = {}
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
        early = self._early.get(wish.queue, deque())
        while early and len(wish.came) < wish.n:
            if (delivery := early.popleft()).open:
                self._hold(delivery, self._visibility_seconds)
                wish.came.append(delivery)
        if wish.came:
            wish.answer.set_result(wish.came)
            return
        channel = self._channel(wish.queue)
        if wish.wait <= 0:
            while len(wish.came) < wish.n and (raw := channel.basic_get(wish.queue)) is not None:
                self._take(wish, raw)
            wish.answer.set_result(wish.came)
            return
        if self._prefetch.get(wish.queue) != wish.n:
            channel.basic_qos(0, wish.n, False)
            self._prefetch[wish.queue] = wish.n
        wish.tag = f"{next(self._numbers)}"
        # Before it is asked for: a delivery may follow the answer before anybody looks.
        channel.callbacks[wish.tag] = partial(self._take, wish)
        self._wishes.append(wish)
        channel.basic_consume(wish.queue, wish.tag, callback=channel.callbacks[wish.tag])
        self.after(wish.wait, partial(self._end, wish))

    def _take(self, wish: _Wish, raw: Any) -> None:
        delivery = Delivery.of(raw)
        delivery.queue = wish.queue
        self._held.add(delivery)
        self._hold(delivery, self._visibility_seconds)
        if wish.answered:
            # It was under way; the receiver had room for it, and takes it when it comes again.
            self._early.setdefault(wish.queue, deque()).append(delivery)
        else:
            wish.came.append(delivery)

    def on_turn(self) -> None:
        for wish in [wish for wish in self._wishes if wish.came]:
            self._end(wish)

    def _end(self, wish: _Wish) -> None:
        """Answer first: to cancel a consumer takes the broker as long as a message does."""
        if wish not in self._wishes:
            return
        self._wishes.remove(wish)
        wish.answered = bool(wish.came)
        if wish.answered:
            wish.answer.set_result(wish.came)
        try:
            self._channels[wish.queue].basic_cancel(wish.tag)
        except Exception as error:
            if not wish.answered:
                wish.answer.set_exception(ConnectionError(f"RabbitMQ hung up: {error!r}"))
            raise
        if not wish.answered:
            wish.answer.set_result(wish.came)

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
        wishes, self._wishes = self._wishes, []
        self._channels.clear()
        self._early.clear()
        self._prefetch.clear()
        for delivery in held:
            delivery.open = False
        for wish in wishes:
            if not wish.answer.done():
                wish.answer.set_exception(ConnectionError(f"RabbitMQ hung up: {error!r}"))
