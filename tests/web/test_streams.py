"""Live streams: every byte once, at any offset, across attempts and the end."""

import base64
import random
import threading
import time

import pytest
from flask import Flask

from shared.db import Transactions
from shared.schema.accounts import Account
from tests import factories
from tests.web.conftest import Person
from tests.web.followed import bytes_of, finish, follow, parse, whole
from tests.web.worker_client import Worker
from web import live_logs, streams
from web.ports import WebPorts
from web.queue_position import expected_seconds
from web.refusals import Busy, Invalid
from web.stream_places import Gate
from web.streams import Position


def test_a_finished_run_is_told_whole_and_ends(
    web_ports: WebPorts, run_id: str, worker: Worker
) -> None:
    held = worker.claim("run", run_id)
    held.phase("running")
    finish(held, bytes(range(256)) * 2000, b"warning\n")
    events = whole(web_ports, run_id)
    assert bytes_of(events) == bytes(range(256)) * 2000
    assert bytes_of(events, "stderr") == b"warning\n"
    phases = [event.data["phase"] for event in events if event.name == "phase"]
    assert phases[0] == "queued" and "running" in phases and phases[-1] == "succeeded"
    assert events[-1].name == "end"
    assert events[-1].data["state"] == "succeeded"
    assert events[-1].data["exit_code"] == 0
    assert events[-1].data["streams"]["stdout"] == {"size": 512_000, "kept": 512_000}
    assert [event.name for event in events].count("end") == 1


def test_a_reader_goes_on_where_it_was(web_ports: WebPorts, run_id: str, worker: Worker) -> None:
    held = worker.claim("run", run_id)
    finish(held, b"0123456789")
    again = whole(web_ports, run_id, f"{held.fence}:4:0")
    (log,) = [event for event in again if event.name == "log"]
    assert (log.data["offset"], base64.b64decode(log.data["data"])) == (4, b"456789")
    assert log.id == f"{held.fence}:10:0"
    at_end = whole(web_ports, run_id, f"{held.fence}:10:0")
    assert [event.name for event in at_end if event.name in ("log", "end")] == ["end"]


def test_another_attempt_starts_the_streams_anew(
    web_ports: WebPorts, run_id: str, worker: Worker
) -> None:
    first = worker.claim("run", run_id)
    first.log(0, b"from the first attempt")
    reader = follow(web_ports, run_id)
    next(reader)  # the retry line
    seen = next(reader).decode()
    assert b"from the first attempt" in bytes_of(parse(seen))
    assert first.release(costs_attempt=False).status_code == 204
    second = worker.claim("run", run_id)
    finish(second, b"second")
    seen += b"".join(reader).decode()
    events = parse(seen)
    assert [event.data for event in events if event.name == "restart"] == [{"fence": second.fence}]
    assert bytes_of(events) == b"second"


def test_the_first_claim_is_no_restart(web_ports: WebPorts, run_id: str, worker: Worker) -> None:
    reader = follow(web_ports, run_id)
    next(reader)
    waiting = parse(next(reader).decode())
    assert [event.data for event in waiting if event.name == "queue"] == [
        {"position": 1, "expected_seconds": None}
    ]
    finish(worker.claim("run", run_id), b"x")
    rest = parse(b"".join(reader).decode())
    assert "restart" not in {event.name for event in rest}
    assert bytes_of(rest) == b"x"


def test_a_hundred_reconnects_at_random_offsets_lose_nothing(
    web_ports: WebPorts, run_id: str, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "_CHUNK", 1024)
    monkeypatch.setattr(live_logs, "TAIL_BYTES", 16_384)  # chunks move to objects meanwhile
    dice = random.Random(7)
    data = {"stdout": dice.randbytes(120_000), "stderr": dice.randbytes(30_000)}
    held = worker.claim("run", run_id)

    def write() -> None:
        sent = dict.fromkeys(data, 0)
        while any(sent[name] < len(data[name]) for name in data):
            for name, text in data.items():
                part = text[sent[name] : sent[name] + dice.randrange(1, 4000)]
                if part:
                    assert held.log(sent[name], part, name).status_code == 200
                    sent[name] += len(part)
        finish(held, data["stdout"], data["stderr"])

    writer = threading.Thread(target=write)
    writer.start()
    got = {"stdout": b"", "stderr": b""}
    last: str | None = None
    ended, connections = False, 0
    until = time.monotonic() + 120
    while not ended or connections < 100:
        assert time.monotonic() < until
        if ended:  # the log is an object by now: once more from some offset in it
            cut = dice.randrange(len(data["stdout"]))
            got["stdout"], last, ended = data["stdout"][:cut], f"{held.fence}:{cut}:30000", False
        connections += 1
        reader = follow(web_ports, run_id, last)
        text, budget = "", dice.randrange(200, 12_000)
        for piece in reader:
            text += piece.decode()
            if len(text) > budget:
                break
        reader.close()  # type: ignore[attr-defined]
        for event in parse(text[:budget]):
            last = event.id
            ended = event.name == "end"
            assert event.name != "restart"
            if event.name == "log":
                name = event.data["stream"]
                assert event.data["offset"] == len(got[name])
                got[name] += base64.b64decode(event.data["data"])
    writer.join()
    assert got["stdout"] == data["stdout"]
    assert got["stderr"] == data["stderr"]
    assert connections >= 100


def test_a_line_is_told_as_soon_as_it_is_stored(
    web_ports: WebPorts, run_id: str, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "POLL_SECONDS", 30.0)  # only the bell can be in time
    held = worker.claim("run", run_id)
    reader = follow(web_ports, run_id)
    next(reader)
    next(reader)
    began = time.monotonic()
    writer = threading.Timer(0.2, lambda: held.log(0, b"a line\n"))
    writer.start()
    assert bytes_of(parse(next(reader).decode())) == b"a line\n"
    assert time.monotonic() - began < 10
    writer.join()
    reader.close()  # type: ignore[attr-defined]


def test_a_stream_ends_when_its_reader_may_not_see_the_job_any_more(
    web_ports: WebPorts, run_id: str, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "RECHECK_SECONDS", 0.0)
    monkeypatch.setattr(streams, "POLL_SECONDS", 0.01)
    worker.claim("run", run_id)
    allowed = iter([True, True, False])
    assert parse(b"".join(follow(web_ports, run_id, None, lambda: next(allowed))).decode())
    assert next(allowed, None) is None


def test_a_revoked_token_ends_its_streams(
    app: Flask, owner: Person, run_id: str, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "RECHECK_SECONDS", 0.0)
    monkeypatch.setattr(streams, "POLL_SECONDS", 0.01)
    worker.claim("run", run_id)
    answer = app.test_client().get(
        f"/api/v1/runs/{run_id}/events", headers=owner.bearer, buffered=False
    )
    pieces = iter(answer.response)
    next(pieces)
    next(pieces)
    (token,) = owner.get("/api/v1/tokens").json["items"]
    assert owner.delete(f"/api/v1/tokens/{token['id']}").status_code == 204
    until = time.monotonic() + 20
    for _ in pieces:
        assert time.monotonic() < until
    answer.close()


def test_silence_is_filled_with_comments(
    web_ports: WebPorts, run_id: str, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.02)
    monkeypatch.setattr(streams, "POLL_SECONDS", 0.05)
    worker.claim("run", run_id)
    reader = follow(web_ports, run_id)
    next(reader)
    next(reader)
    assert next(reader) == b": still here\n\n"
    reader.close()  # type: ignore[attr-defined]


def test_streams_are_fewer_than_threads(app: Flask, owner: Person, run_id: str) -> None:
    gate = Gate(1)
    app.extensions["toolyard-streams"] = gate
    path = f"/api/v1/runs/{run_id}/events"
    first = app.test_client().get(path, headers=owner.bearer, buffered=False)
    refused = owner.get(path)
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    first.close()
    gate.enter("somebody")  # the place is free again
    with pytest.raises(Busy):
        gate.enter("somebody")


def test_who_has_most_places_gives_them_to_who_has_fewer() -> None:
    gate = Gate(8)
    greedy = [gate.enter("greedy") for _ in range(8)]
    with pytest.raises(Busy):
        gate.enter("greedy")

    modest = gate.enter("modest")

    assert [place.is_given_up() for place in greedy] == [True] + [False] * 7
    gate.leave(greedy[0])
    others = [gate.enter("modest"), gate.enter("third")]
    assert [place.is_given_up() for place in greedy[:4]] == [True] * 3 + [False]
    assert not any(place.is_given_up() for place in [modest, *others])
    with pytest.raises(Busy):  # those two still hold their threads
        gate.enter("fourth")
    for place in greedy[1:3]:
        gate.leave(place)
    gate.enter("fourth")


def test_equals_take_nothing_from_each_other() -> None:
    gate = Gate(4)
    for name in ("a", "b", "a", "b"):
        gate.enter(name)
    with pytest.raises(Busy):
        gate.enter("a")
    assert not gate.enter("c").is_given_up()


def test_a_stream_whose_place_was_given_away_ends(web_ports: WebPorts, run_id: str) -> None:
    place = Gate(1).enter("somebody")
    told = streams.follow(web_ports, "run", run_id, Position(), lambda: True, place.is_given_up)
    next(told)
    place.give_up()
    list(told)


@pytest.mark.parametrize("text", ["1", "1:2", "a:b:c", "-1:0:0", "1:2:3:4", "1:2:" + "9" * 30])
def test_a_position_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        Position.parse(text)


def test_the_wait_is_estimated_from_what_has_been() -> None:
    assert expected_seconds(3, 2, None) is None
    assert expected_seconds(3, 2, 10.0) == 15.0
    assert expected_seconds(1, 0, 10.0) == 10.0


def test_a_builds_log_is_followed_alike(
    web_ports: WebPorts, owner: Person, worker: Worker, transactions: Transactions
) -> None:
    with transactions.begin() as session:
        account = session.get_one(Account, owner.id)
        version = factories.version(session, factories.tool(session, account), state="pending")
        build_id = factories.build(session, version, account).id
    held = worker.claim("build", build_id)
    held.phase("cloning")
    held.log(0, b"Cloning\n")
    assert held.finish("failed", reason="No entry point.").status_code == 204
    events = parse(
        b"".join(streams.follow(web_ports, "build", build_id, Position(), lambda: True)).decode()
    )
    assert bytes_of(events) == b"Cloning\n"
    assert (events[-1].name, events[-1].data["reason"]) == ("end", "No entry point.")
