"""A run's stream as a reader gets it."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.web.worker_client import Held
from web import streams
from web.ports import WebPorts
from web.streams import Position


@dataclass(frozen=True)
class Event:
    name: str
    id: str
    data: dict[str, Any]


def parse(text: str) -> list[Event]:
    """The complete events; a torn one at the end does not count."""
    found = []
    for block in text.split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in fields:
            found.append(Event(fields["event"], fields["id"], json.loads(fields["data"])))
    return found


def follow(
    ports: WebPorts, run_id: str, start: str | None = None, may_see: Any = lambda: True
) -> Iterator[bytes]:
    return streams.follow(ports, "run", run_id, Position.parse(start), may_see)


def whole(ports: WebPorts, run_id: str, start: str | None = None) -> list[Event]:
    return parse(b"".join(follow(ports, run_id, start)).decode())


def bytes_of(events: list[Event], stream: str = "stdout") -> bytes:
    """What a reader has put together; offsets must join without gap or overlap."""
    got = b""
    for event in events:
        if event.name == "restart":
            got = b""
        if event.name == "log" and event.data["stream"] == stream:
            assert event.data["offset"] == len(got)
            got += base64.b64decode(event.data["data"])
    return got


def finish(held: Held, stdout: bytes, stderr: bytes = b"") -> None:
    answer = held.finish(**held.results(stdout, stderr))
    assert answer.status_code == 204, answer.text
