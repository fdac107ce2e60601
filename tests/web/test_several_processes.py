"""Several web processes behind one port (TTIN, as the supervisor sends it): pages stay live in all of them."""

import base64
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests import factories
from tests.e2e.conftest import LiveWeb
from tests.e2e.test_live_pages import Worker
from web import admin

STREAMS = 6
"""Readers of one run; each has a connection of its own, so both processes have some."""


@pytest.fixture
def web(tmp_path: Path) -> Iterator[LiveWeb]:
    web = LiveWeb(tmp_path)
    web.start()
    yield web
    web.close()


def processes(web: LiveWeb) -> set[int]:
    assert web._process is not None
    pid = web._process.pid
    return {int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def signalled(web: LiveWeb, number: int, count: int) -> None:
    assert web._process is not None
    web._process.send_signal(number)
    until(lambda: len(processes(web)) == count)


def until(true: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


class Reader:
    """Follows a run from beginning to end, reconnecting as a browser does."""

    def __init__(self, web: LiveWeb, token: str, run: str) -> None:
        self.text, self.ended, self.last = b"", False, ""
        self._web, self._token, self._run = web, token, run
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.thread.start()

    def _follow(self) -> None:
        end = time.monotonic() + 60
        while not self.ended and time.monotonic() < end:
            headers = {"Authorization": f"Bearer {self._token}", "Last-Event-ID": self.last}
            try:
                with httpx.stream(
                    "GET",
                    f"{self._web.url}/api/v1/runs/{self._run}/events",
                    headers=headers,
                    timeout=30,
                ) as answer:
                    self._lines(answer.iter_lines())
            except httpx.HTTPError:
                time.sleep(0.1)

    def _lines(self, lines: Iterator[str]) -> None:
        event = ""
        for line in lines:
            kind, _, value = line.partition(": ")
            if kind == "event":
                event = value
                self.ended = self.ended or event == "end"
            elif kind == "id":
                self.last = value
            elif kind == "data" and event == "log":
                self.text += base64.b64decode(json.loads(value)["data"])


def test_readers_of_every_process_see_what_any_process_was_told(
    web: LiveWeb, tmp_path: Path
) -> None:
    signalled(web, signal.SIGTTIN, 2)
    person = admin.create_user(web.transactions, "a@example.org")
    with web.transactions.begin() as session:
        account = session.get_one(factories.Account, person.id)
        _, version = factories.ready_tool(session, account)
        run = factories.run(session, account, version).id
    worker = Worker(web, run)
    worker.phase("staging", "starting", "running")
    readers = [Reader(web, person.token, run) for _ in range(STREAMS)]

    worker.print(b"one\n")
    until(lambda: all(reader.text == b"one\n" for reader in readers))

    before = processes(web)
    signalled(web, signal.SIGTTOU, 1)  # drained: its readers come back to the other
    assert processes(web) < before
    worker.print(b"two\n")
    worker.finish(tmp_path)

    until(lambda: all(reader.ended for reader in readers))
    assert [reader.text for reader in readers] == [b"one\ntwo\n"] * STREAMS


def test_a_cancel_reaches_the_worker_whichever_process_it_asks(web: LiveWeb) -> None:
    signalled(web, signal.SIGTTIN, 2)
    person = admin.create_user(web.transactions, "a@example.org")
    with web.transactions.begin() as session:
        account = session.get_one(factories.Account, person.id)
        _, version = factories.ready_tool(session, account)
        run = factories.run(session, account, version).id
    worker = Worker(web, run)
    worker.phase("staging", "starting", "running")
    with httpx.Client(headers={"Authorization": f"Bearer {person.token}"}) as client:
        client.post(f"{web.url}/api/v1/runs/{run}/cancel").raise_for_status()

    until(lambda: bool(worker.control.directives(2.0)), 10)
