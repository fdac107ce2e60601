"""An ended run's streams: told in the order in which they were written, where that is known."""

import base64
import json
import random
from typing import Any

import pytest

from tests.web.followed import Event, bytes_of, follow, parse, whole
from tests.web.worker_client import Held, Worker
from web import streams
from web.ports import WebPorts

Written = list[tuple[str, bytes]]


def merged(pieces: Written) -> Written:
    """Neighbours of one stream together."""
    found: Written = []
    for stream, data in pieces:
        if found and found[-1][0] == stream:
            data = found.pop()[1] + data
        found.append((stream, data))
    return found


def shown(events: list[Event]) -> Written:
    """What a reader sees, in the order in which it is told."""
    logs = [event.data for event in events if event.name == "log"]
    return merged([(log["stream"], base64.b64decode(log["data"])) for log in logs])


def alternating(pieces: int, longest: int = 300) -> Written:
    dice = random.Random(11)
    return [
        ("stderr" if n % 2 else "stdout", dice.randbytes(dice.randrange(1, longest)))
        for n in range(pieces)
    ]


def finish_in_order(held: Held, written: Written) -> None:
    sizes = [len(data) for _, data in merged(written)]
    streams = {
        name: b"".join(data for stream, data in written if stream == name)
        for name in ("stdout", "stderr")
    }
    results = held.results(**streams, order=json.dumps(sizes).encode())
    assert held.finish(**results).status_code == 204


def test_an_ended_run_is_told_in_the_order_in_which_it_was_live(
    web_ports: WebPorts, run_id: str, worker: Worker
) -> None:
    held = worker.claim("run", run_id)
    reader = follow(web_ports, run_id)
    live, offsets, written = next(reader), {"stdout": 0, "stderr": 0}, alternating(40)
    live += next(reader)
    for stream, data in written:
        assert held.log(offsets[stream], data, stream).status_code == 200
        offsets[stream] += len(data)
        live += next(reader)
    finish_in_order(held, written)
    live += b"".join(reader)
    assert shown(parse(live.decode())) == written
    assert shown(whole(web_ports, run_id)) == written


def test_an_ended_run_goes_on_at_any_position_and_loses_nothing(
    web_ports: WebPorts, run_id: str, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "_CHUNK", 2000)
    monkeypatch.setattr(streams, "_EVENTS_AT_ONCE", 7)
    dice, written = random.Random(3), alternating(300)
    held = worker.claim("run", run_id)
    finish_in_order(held, written)
    told = whole(web_ports, run_id)
    assert shown(told) == written
    logs = [event for event in told if event.name == "log"]
    for start in dice.sample(range(len(logs)), 30):  # positions that were told before
        rest = whole(web_ports, run_id, logs[start].id)
        assert shown(rest) == shown(logs[start + 1 :])
        assert rest[-1].name == "end"
    data = {name: bytes_of(told, name) for name in ("stdout", "stderr")}
    for _ in range(30):  # and such as only a reader of the live run can have
        at = {name: dice.randrange(len(text) + 1) for name, text in data.items()}
        rest = whole(web_ports, run_id, f"{held.fence}:{at['stdout']}:{at['stderr']}")
        for name, text in data.items():
            pieces = [event.data for event in rest if event.name == "log"]
            pieces = [piece for piece in pieces if piece["stream"] == name]
            assert not pieces or pieces[0]["offset"] == at[name]
            assert b"".join(base64.b64decode(p["data"]) for p in pieces) == text[at[name] :]


@pytest.mark.parametrize(
    "order",
    [b"", b"nonsense", b"{}", b"[3, -1, 4]", b"[true]", b"[1.5]", b"[1" + b",1" * 60_000 + b"]"],
)
def test_an_order_that_is_none_costs_no_byte(
    web_ports: WebPorts, run_id: str, worker: Worker, order: bytes
) -> None:
    held = worker.claim("run", run_id)
    finish_with(held, order)
    assert shown(whole(web_ports, run_id)) == [("stdout", b"out"), ("stderr", b"err")]


@pytest.mark.parametrize("order", [b"[1, 2]", b"[1, 9, 9, 9]", b"[0, 0, 0]", b"[]"])
def test_an_order_that_does_not_fit_loses_no_byte(
    web_ports: WebPorts, run_id: str, worker: Worker, order: bytes
) -> None:
    held = worker.claim("run", run_id)
    finish_with(held, order)
    events = whole(web_ports, run_id)
    assert (bytes_of(events), bytes_of(events, "stderr")) == (b"out", b"err")
    assert events[-1].name == "end"


def finish_with(held: Held, order: bytes) -> None:
    assert held.finish(**held.results(b"out", b"err", order=order)).status_code == 204


def test_an_order_belongs_to_its_attempt(web_ports: WebPorts, run_id: str, worker: Worker) -> None:
    held = worker.claim("run", run_id)
    results = held.results(b"out", b"err")
    results["manifest"]["order"] = "runs/another/attempt/order"
    refused: Any = held.finish(**results).json
    assert refused["error"]["code"] == "foreign_key"


def test_an_ended_run_whose_log_is_kept_elsewhere_still_tells_its_end(
    web_ports: WebPorts, run_id: str, worker: Worker
) -> None:
    held = worker.claim("run", run_id)
    results = held.results(b"out", b"err", order=b"[1, 3, 2]")
    assert held.finish(**results).status_code == 204
    web_ports.objects.delete(results["manifest"]["stdout"]["key"])
    assert whole(web_ports, run_id)[-1].name == "end"
