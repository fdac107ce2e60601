"""A connection to RabbitMQ and the one thread that uses it: kombu's connections are not for several threads.

Other threads hand over work. The connection is made when first needed, and again after it was lost;
whoever asks meanwhile gets the error at once.
"""

import heapq
import itertools
import os
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import kombu
import structlog

log = structlog.get_logger()

T = TypeVar("T")
Work = Callable[[], Any]

_CONNECT_SECONDS = 5.0
_SILENT_SECONDS = 20
"""A broker that leaves a question unanswered for so long is taken for gone."""
_HEARTBEAT_SECONDS = 20
_ANSWER_SECONDS = 60.0
_REST_SECONDS = 0.05
"""So long the rest of a frame is waited for before others are served."""
_GOODBYE_SECONDS = 1.0
"""TLS waits for the other side's word, which a broker that was lost will not give."""


def tls_options(url: str) -> "dict[str, Any] | bool":
    """What kombu must know for `amqps://`: without a name to compare it would take any certificate's."""
    split = urlsplit(url)
    if split.scheme != "amqps":
        return False
    trusted = parse_qs(split.query).get("ca")
    return {
        "server_hostname": split.hostname,
        "cert_reqs": ssl.CERT_REQUIRED,
        **({"ca_certs": trusted[0]} if trusted else {}),
    }


class Line:
    """Runs work on its own thread; what is made from its connection must stay on that thread.

    `url` may be `amqps://…`, with `?ca=FILE` for the only authority to trust instead of this host's.
    """

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._tasks: deque[tuple[Work, Future[Any]]] = deque()
        self._guard = threading.Lock()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._thread: threading.Thread | None = None
        self._closed = False
        self._connection: Any = None
        self._socket: socket.socket | None = None
        self._timers: list[tuple[float, int, Work]] = []
        self._numbers = itertools.count()

    def ask(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises on the line's thread."""
        return self.post(work).result(_ANSWER_SECONDS)

    def post(self, work: Callable[[], T]) -> "Future[T]":
        """As `ask`, without waiting for it."""
        future: Future[T] = Future()
        with self._guard:
            if self._closed:
                raise ConnectionError("This bus was closed.")
            self._tasks.append((work, future))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            os.eventfd_write(self._wake, 1)  # here it is known to be open
        return future

    def close(self) -> None:
        """Hang up; the broker gives what was not settled to others."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            os.eventfd_write(self._wake, 1)
        if self._thread is not None:
            self._thread.join(_ANSWER_SECONDS)
            if self._thread.is_alive():
                return  # it waits on the descriptor still
        os.close(self._wake)

    # The rest runs on the line's thread.

    def connection(self) -> Any:
        """The connection, made if there is none."""
        if self._connection is None:
            made = kombu.Connection(
                self._url.partition("?")[0],
                ssl=tls_options(self._url),
                connect_timeout=_CONNECT_SECONDS,
                heartbeat=_HEARTBEAT_SECONDS,
                transport_options={
                    "read_timeout": _SILENT_SECONDS,
                    "write_timeout": _SILENT_SECONDS,
                    "client_properties": {"connection_name": self._name},
                },
            )
            try:
                # Whoever asks has a pause of its own before it asks again.
                made.ensure_connection(max_retries=0, reraise_as_library_errors=False)
            except BaseException:
                made.collect()
                raise
            self._connection = made
            self._socket = made.connection.sock
            if isinstance(self._socket, ssl.SSLSocket):
                self._socket.settimeout(_SILENT_SECONDS)  # it was left with the time for connecting
            self.after(_HEARTBEAT_SECONDS / 4, lambda: self._beat(made))
        return self._connection

    def after(self, seconds: float, work: Work) -> None:
        """Do it later."""
        due = time.monotonic() + seconds
        heapq.heappush(self._timers, (due, next(self._numbers), work))

    def on_turn(self) -> None:
        """For whom it may concern: all that has arrived was handled."""

    def on_lost(self, error: Exception) -> None:
        """For whom it may concern: the connection is gone, and with it all that hung on it."""

    def _run(self) -> None:
        while not self._closed:
            try:
                self._turn()
            except Exception as error:
                self._lose(error)
        self._lose(ConnectionError("This bus was closed."), quietly=True)
        while self._tasks:
            _, future = self._tasks.popleft()
            future.set_exception(ConnectionError("This bus was closed."))

    def _turn(self) -> None:
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        if self._socket is not None:
            poll.register(self._socket, select.POLLIN)
        left = self._is_left()
        ready = {descriptor for descriptor, _ in poll.poll(0 if left else self._pause_ms())}
        if self._wake in ready:
            os.eventfd_read(self._wake)
        if left or ready - {self._wake}:
            self._drain()
            self.on_turn()
        while self._tasks:
            self._perform(*self._tasks.popleft())
        while self._timers and self._timers[0][0] <= time.monotonic():
            heapq.heappop(self._timers)[2]()

    def _pause_ms(self) -> float | None:
        if self._tasks:
            return 0
        if not self._timers:
            return None
        return max(0.0, self._timers[0][0] - time.monotonic()) * 1000

    def _is_left(self) -> bool:
        """TLS takes whole records from the socket: of what is left of one, no poll tells."""
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def _drain(self) -> None:
        assert self._connection is not None
        assert self._socket is not None
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while self._is_left() or poll.poll(0):
            try:
                # Without a time it would ask again and again for the rest of a frame that stays away.
                self._connection.drain_events(timeout=_REST_SECONDS)
            except TimeoutError:
                return  # what has come of a frame is kept

    def _perform(self, work: Work, future: "Future[Any]") -> None:
        try:
            future.set_result(work())
        except Exception as error:
            self._lose(error)  # a refused question closes its channel, so all begins anew
            future.set_exception(error)
        # A question's answer may have brought along what others wait for.
        self.on_turn()

    def _beat(self, connection: Any) -> None:
        if connection is self._connection:
            connection.heartbeat_check(rate=2)
            self.after(_HEARTBEAT_SECONDS / 4, lambda: self._beat(connection))

    def _lose(self, error: Exception, *, quietly: bool = False) -> None:
        if isinstance(self._socket, ssl.SSLSocket) and not quietly:
            self._socket.settimeout(_GOODBYE_SECONDS)
        lost, self._connection, self._socket = self._connection, None, None
        if lost is not None:
            if quietly:
                lost.release()
            else:
                log.warning("broker_lost", line=self._name, error=repr(error))
                lost.collect()
        self.on_lost(error)
