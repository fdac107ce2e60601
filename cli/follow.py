"""A build or run followed until its end: phases told once, bytes passed on once."""

import base64
import json
from collections.abc import Callable
from typing import Any

from cli.api import Api
from cli.output import Phases

Sink = Callable[[str, bytes], None]


def to_the_end(api: Api, path: str, phases: Phases | None = None, sink: Sink | None = None) -> Any:
    """Follow `path` until `end`, whose data is returned; `sink(stream, bytes)` gets the log."""
    seen: set[int] = set()
    written = {"stdout": 0, "stderr": 0}
    for event in api.stream(path):
        data = json.loads(event.data)
        if event.name == "log" and sink is not None:
            _pass_on(data, written, sink)
        elif event.name == "restart":
            # The new attempt writes from its first byte; what stands on a terminal cannot be undone.
            written = {"stdout": 0, "stderr": 0}
            if phases:
                phases.show("another worker starts it again")
        elif event.name == "phase" and data["seq"] not in seen:
            seen.add(data["seq"])
            if phases:
                phases.show(_phase(data))
        elif event.name == "queue" and phases:
            phases.show(_place(data))
        elif event.name == "end":
            return data
    return None


def _phase(data: Any) -> str:
    if data["phase"] == "leased":  # the detail is a worker's id, for operators
        return "taken by a worker"
    return f"{data['phase']} {data['detail']}".strip()


def _pass_on(data: Any, written: dict[str, int], sink: Sink) -> None:
    stream, chunk = data["stream"], base64.b64decode(data["data"])
    new = chunk[max(0, written[stream] - data["offset"]) :]
    if new:
        sink(stream, new)
        written[stream] = data["offset"] + len(chunk)


def _place(data: Any) -> str:
    expected = data.get("expected_seconds")
    soon = f", expected in {expected:.0f} s" if expected is not None else ""
    return f"number {data['position']} in the queue{soon}" if data.get("position") else "queued"
