"""What leaves for RabbitMQ: published and confirmed, many at once."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from shared.amqp_line import Line

_CONFIRM_SECONDS = 30.0


@dataclass(frozen=True)
class Letter:
    """One message on its way to an exchange."""

    exchange: str
    key: str
    body: bytes
    id: str
    headers: dict[str, Any] = field(default_factory=dict)


class _Batch:
    """Messages that one caller waits for."""

    def __init__(self, letters: Sequence[Letter]) -> None:
        self.routes = {(letter.exchange, letter.key) for letter in letters}
        self.left = len(letters)
        self.confirmed: Future[None] = Future()

    def one_is_safe(self) -> None:
        self.left -= 1
        if self.left == 0 and not self.confirmed.done():
            self.confirmed.set_result(None)

    def fail(self, error: Exception) -> None:
        if not self.confirmed.done():
            self.confirmed.set_exception(error)


class Outlet(Line):
    """A line that publishes; a message is safe when the broker has said so."""

    def __init__(self, url: str, name: str) -> None:
        super().__init__(url, name)
        self._channel: Any = None
        self._published = 0
        self._waiting: dict[int, _Batch] = {}

    def publish(self, letters: Sequence[Letter]) -> None:
        """Returns when every message is in its queues, and on disk; raises when one may not be."""
        if not letters:
            return
        batch = _Batch(letters)
        self.ask(partial(self._send, letters, batch))
        try:
            batch.confirmed.result(_CONFIRM_SECONDS)
        except TimeoutError:
            raise TimeoutError(
                f"RabbitMQ did not confirm a message within {_CONFIRM_SECONDS:g} s; "
                "it may be short of memory or disk."
            ) from None

    def _send(self, letters: Sequence[Letter], batch: _Batch) -> None:
        if self._channel is None:
            self._open()
        for letter in letters:
            self._published += 1
            self._waiting[self._published] = batch
            message = self._channel.prepare_message(
                letter.body,
                content_type="application/json",
                headers=letter.headers,
                properties={"delivery_mode": 2, "message_id": letter.id},
            )
            self._channel.basic_publish(
                message, exchange=letter.exchange, routing_key=letter.key, mandatory=True
            )

    def _open(self) -> None:
        channel = self.connection().channel()
        channel.confirm_select()
        channel.events["basic_ack"].add(partial(self._on_answer, None))
        refused = RuntimeError("RabbitMQ refused a message: a queue is full or away.")
        channel.events["basic_nack"].add(partial(self._on_answer, refused))
        channel.events["basic_return"].add(self._on_return)
        self._channel, self._published = channel, 0

    def _on_answer(self, refused: Exception | None, tag: int, multiple: bool) -> None:
        tags = [known for known in self._waiting if known <= tag] if multiple else [tag]
        for known in tags:
            batch = self._waiting.pop(known, None)
            if batch is not None and refused is not None:
                batch.fail(refused)
            elif batch is not None:
                batch.one_is_safe()

    def _on_return(self, error: object, exchange: str, key: str, message: object) -> None:
        """No queue takes it; its confirmation follows all the same."""
        missing = RuntimeError(
            f"RabbitMQ has no queue for {key} of the exchange {exchange}: "
            "run `toolyard bus provision`."
        )
        for batch in self._waiting.values():
            if (exchange, key) in batch.routes:
                batch.fail(missing)

    def on_lost(self, error: Exception) -> None:
        waiting, self._waiting, self._channel = self._waiting, {}, None
        for batch in waiting.values():
            batch.fail(ConnectionError(f"RabbitMQ hung up before it confirmed: {error!r}"))
