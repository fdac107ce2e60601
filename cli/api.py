"""The REST API from the shell: retries that cannot create twice, clear sentences, resumable streams."""

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from cli.failures import Failure
from cli.settings import Account

PATIENCE_SECONDS = 60.0
"""How long a restart of the platform is waited out before a command gives up."""

RETRIED = (429, 502, 503, 504)


@dataclass(frozen=True)
class StreamEvent:
    """One server-sent event; `id` resumes the stream after it."""

    name: str
    data: str
    id: str


class Api:
    """Calls of one command; a context manager."""

    def __init__(
        self,
        account: Account,
        *,
        patience: float = PATIENCE_SECONDS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._account = account
        self._patience = patience
        headers = {"Authorization": f"Bearer {account.token}"} if account.token else {}
        self._http = httpx.Client(
            base_url=account.url,
            headers={"User-Agent": "toolyard-cli", **headers},
            timeout=httpx.Timeout(30.0, connect=5.0),
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._http.close()

    @property
    def url(self) -> str:
        return self._account.url

    def get(self, path: str, **query: str | int) -> Any:
        """The JSON at a path."""
        return self._call(lambda: self._http.get(path, params=query)).json()

    def items(self, path: str, **query: str | int) -> Iterator[Any]:
        """Every item of a list, page by page."""
        while True:
            page = self.get(path, **query)
            yield from page["items"]
            if not page.get("next"):
                return
            query["cursor"] = page["next"]

    def create(self, path: str, body: Mapping[str, object]) -> Any:
        """POST once in effect: every retry carries the same `Idempotency-Key`."""
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        return self._call(lambda: self._http.post(path, json=body, headers=headers)).json()

    def act(self, path: str) -> None:
        """POST of something that may be repeated, such as a cancel."""
        self._call(lambda: self._http.post(path, json={}))

    def remove(self, path: str) -> None:
        """DELETE; what is gone already is said."""
        self._call(lambda: self._http.delete(path))

    def send(self, path: str, make: Callable[[], Mapping[str, Any]]) -> Any:
        """Like `create`, for a body that must be made anew at each try: what httpx takes for it."""
        key = {"Idempotency-Key": secrets.token_hex(16)}

        def once() -> httpx.Response:
            body = dict(make())
            headers = {**body.pop("headers", {}), **key}
            return self._http.post(path, headers=headers, timeout=600.0, **body)

        return self._call(once).json()

    def fetch(self, path: str, **query: str | int) -> httpx.Response:
        """The answer itself, for bytes with headers."""
        return self._call(lambda: self._http.get(path, params=query))

    def download(self, path: str, start: int = 0) -> Iterator[bytes]:
        """The bytes of a file; a connection that breaks is taken up again where it broke."""
        position = start
        end = time.monotonic() + self._patience
        while True:
            headers = {"Range": f"bytes={position}-"} if position else {}
            try:
                with self._http.stream(
                    "GET", path, headers=headers, follow_redirects=True
                ) as answer:
                    if answer.status_code == 416:  # it ended exactly where the connection broke
                        return
                    self._raise(answer)
                    if position and answer.status_code != 206:
                        raise Failure(
                            "the server cannot resume a broken download; please try again"
                        )
                    for data in answer.iter_bytes():
                        position += len(data)
                        end = time.monotonic() + self._patience
                        yield data
                return
            except httpx.TransportError as error:
                self._wait(error, end, 0.5)

    def stream(self, path: str, last: str = "") -> Iterator[StreamEvent]:
        """Server-sent events without a gap: after a break it resumes behind the last one seen.

        Ends when the server says so by closing the stream after an event named `end`.
        """
        end = time.monotonic() + self._patience
        while True:
            headers = {"Accept": "text/event-stream"}
            if last:
                headers["Last-Event-ID"] = last
            try:
                with self._http.stream("GET", path, headers=headers, timeout=90.0) as answer:
                    if answer.status_code in RETRIED:
                        raise httpx.ConnectError(f"status {answer.status_code}")
                    self._raise(answer)
                    for event in parse(answer.iter_lines()):
                        last = event.id or last
                        end = time.monotonic() + self._patience
                        yield event
                        if event.name == "end":
                            return
                time.sleep(0.2)
            except httpx.TransportError as error:
                self._wait(error, end, 0.5)

    def _call(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        end = time.monotonic() + self._patience
        pause = 0.2
        while True:
            try:
                answer = send()
            except httpx.ConnectError as error:
                # Nobody listens on this very machine: it has not been started, waiting is pointless.
                local = httpx.URL(self.url).host in ("127.0.0.1", "localhost", "::1")
                self._wait(error, min(end, time.monotonic()) if local else end, pause)
            except httpx.TransportError as error:
                self._wait(error, end, pause)
            else:
                if answer.status_code not in RETRIED or time.monotonic() > end:
                    self._raise(answer)
                    return answer
                time.sleep(min(_retry_after(answer, pause), max(0.0, end - time.monotonic())))
            pause = min(pause * 2, 5.0)

    def _wait(self, error: Exception, end: float, pause: float) -> None:
        if time.monotonic() + pause > end:
            raise Failure(
                f"Toolyard does not answer at {self.url}; start it with `make up`, "
                "or say where it is with TOOLYARD_URL or `toolyard login`.",
                125,
            ) from error
        time.sleep(pause)

    def _raise(self, answer: httpx.Response) -> None:
        if answer.is_success:
            return
        if answer.status_code == 401 and not self._account.token:
            raise Failure(
                "no token: sign in with `toolyard login`, or set TOOLYARD_TOKEN "
                "(on the platform's host: `toolyard admin create-user EMAIL`).",
                125,
            )
        raise Failure(_sentence(answer), 125)


def parse(lines: Iterator[str]) -> Iterator[StreamEvent]:
    """Server-sent events from their lines; comments (heartbeats) are dropped."""
    name, identity = "message", ""
    data: list[str] = []
    for line in lines:
        if not line:
            if data:
                yield StreamEvent(name, "\n".join(data), identity)
            name, data = "message", []
            continue
        key, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if key == "event":
            name = value
        elif key == "data":
            data.append(value)
        elif key == "id":
            identity = value


def _retry_after(answer: httpx.Response, otherwise: float) -> float:
    given = answer.headers.get("Retry-After", "")
    return float(given) if given.isdigit() else otherwise


def _sentence(answer: httpx.Response) -> str:
    """The server's own words, or what its status means."""
    try:
        answer.read()
        error = json.loads(answer.text)["error"]
        details = error.get("details")
        said = str(error["message"])
        return f"{said} ({json.dumps(details)})" if isinstance(details, list) and details else said
    except (ValueError, KeyError, TypeError):
        return f"{answer.request.url.path} answered {answer.status_code} {answer.reason_phrase}"
