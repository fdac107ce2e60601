"""Lines on their way to CloudWatch Logs: none is lost silently, none is sent beyond a call's bounds."""

import threading
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.ship_logs import Lines, send, ship


class Missing(ClientError):
    """The stream is not there yet."""


class Logs:
    """CloudWatch Logs without a stream at first, and with `failures` before it takes anything."""

    class exceptions:  # noqa: N801
        ResourceNotFoundException = Missing

    def __init__(self, failures: int = 0, code: str = "ThrottlingException") -> None:
        self.failures = failures
        self.code = code
        self.made = False
        self.calls: list[list[dict[str, Any]]] = []

    def create_log_stream(self, **names: str) -> None:
        self.made = True

    def put_log_events(self, *, logEvents: list[dict[str, Any]], **names: str) -> None:  # noqa: N803
        if self.failures:
            self.failures -= 1
            raise ClientError({"Error": {"Code": self.code}}, "PutLogEvents")
        if not self.made:
            raise Missing({"Error": {"Code": "ResourceNotFoundException"}}, "PutLogEvents")
        assert logEvents == sorted(logEvents, key=lambda event: event["timestamp"])
        assert sum(len(event["message"].encode()) + 26 for event in logEvents) < 1_048_576
        assert len(logEvents) <= 10_000 and all(event["message"] for event in logEvents)
        self.calls.append(logEvents)

    @property
    def texts(self) -> list[str]:
        return [event["message"] for call in self.calls for event in call]


def test_the_stream_is_made_at_the_first_line() -> None:
    logs = Logs()
    send(logs, "group", "stream", [(2, "second"), (1, "first")])
    assert logs.texts == ["first", "second"]


def test_what_fails_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.ship_logs.time.sleep", lambda seconds: None)
    logs, lines, over = Logs(failures=2), Lines(), threading.Event()
    lines.put("kept", 1.0)
    sender = threading.Thread(target=ship, args=(logs, "group", "stream", lines, over))
    sender.start()
    while not logs.calls:
        pass
    over.set()
    sender.join()
    assert logs.texts == ["kept"]


def test_lines_that_are_refused_for_what_they_are_keep_no_others_waiting() -> None:
    logs, lines, over = (
        Logs(failures=1, code="InvalidParameterException"),
        Lines(),
        threading.Event(),
    )
    lines.put("too old", 1.0)
    sender = threading.Thread(target=ship, args=(logs, "group", "stream", lines, over))
    sender.start()
    while logs.failures:
        time.sleep(0.01)
    lines.put("kept", 2.0)
    while not logs.calls:
        time.sleep(0.01)
    over.set()
    sender.join()
    assert logs.texts == ["kept"]


def test_many_and_large_lines_are_split_into_calls() -> None:
    lines = Lines()
    for n in range(30):
        lines.put("x" * 60_000 + str(n), float(n))
    lines.put("", 40.0)
    logs = Logs()
    while batch := lines.batch(0.01):
        send(logs, "group", "stream", batch)
    assert len(logs.calls) > 1 and len(logs.texts) == 31


def test_lines_that_find_no_room_are_counted_and_told() -> None:
    lines = Lines(held=3)
    for n in range(5):
        lines.put(str(n), float(n))
    texts = [text for _, text in lines.batch(0.01)]
    assert texts == ['{"event": "log_lines_lost", "lines": 2}', "2", "3", "4"]
