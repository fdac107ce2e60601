"""What every bus promises."""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import topology
from shared.bus import Bus
from shared.consumer import Consumer
from shared.events import BuildFinished, BuildRequested, RunFinished, RunRequested, decode
from shared.ids import new_id
from tests.contracts.buses import VISIBILITY_SECONDS, WAIT_SECONDS, Place, drain, one, requested


@pytest.fixture(params=["memory", "sqlite", "rabbitmq", "ministack", "moto"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "rabbitmq":
        place = Place("rabbitmq", request.getfixturevalue("rabbitmq_url") + "?prefix=contract")
    elif request.param in ("ministack", "moto"):
        request.getfixturevalue(request.param)
        # moto, as AWS, purges a queue once a minute only.
        fresh = request.param == "moto"
        place = Place("sns_sqs", new_id("t").replace("_", "") if fresh else "contract")
    else:
        place = Place(request.param, str(tmp_path))
    place.provision()
    return place


@pytest.fixture
def bus(place: Place) -> Iterator[Bus]:
    opened = place.open()
    yield opened
    opened.close()


def until(condition: object, seconds: float = 15) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def kill_receives(bus: Bus, queue: str) -> None:
    for _ in range(topology.MAX_RECEIVES):
        one(bus, queue).nack(0)
    assert bus.receive(queue, 1, 1) == []


def test_each_subscribed_queue_gets_its_copy_and_no_other(bus: Bus) -> None:
    finished = RunFinished(event_id=new_id("evt"), at=1, run_id="run_1")
    built = BuildFinished(event_id=new_id("evt"), at=2, build_id="build_1")

    for event in (
        finished,
        built,
        requested("run_2"),
        BuildRequested(event_id=new_id("evt"), at=3, build_id="build_2"),
    ):
        bus.publish(event)

    assert drain(bus, "archiver", 1) == [finished]
    assert sorted(drain(bus, "notifier", 2), key=lambda e: e.at) == [finished, built]
    assert [e.model_dump()["run_id"] for e in drain(bus, "runner", 1)] == ["run_2"]
    assert [e.model_dump()["build_id"] for e in drain(bus, "builder", 1)] == ["build_2"]
    for queue in topology.QUEUES:
        assert bus.receive(queue, 10, 0) == []


def test_events_published_together_go_where_each_belongs(bus: Bus) -> None:
    runs = [requested() for _ in range(12)]  # more than SNS takes in one call
    built = BuildFinished(event_id=new_id("evt"), at=2, build_id="build_1")

    bus.publish_all([*runs, built])
    bus.publish_all([])

    assert {e.event_id for e in drain(bus, "runner", 12)} == {e.event_id for e in runs}
    assert drain(bus, "notifier", 1) == [built]
    assert bus.receive("builder", 10, 0) == []


def test_everything_published_arrives_and_is_counted_once(bus: Bus) -> None:
    sent = set()
    for _ in range(40):
        event = requested()
        bus.publish(event)
        sent.add(event.event_id)

    got: set[str] = set()
    end = time.monotonic() + 15
    while len(got) < 40 and time.monotonic() < end:
        for message in bus.receive("runner", 10, 1):
            assert message.receives == 1, "a delivery that nobody saw was counted"
            got.add(decode(message.body).event_id)
            message.ack()
    assert got == sent


def test_a_receiver_that_waits_is_woken(bus: Bus, place: Place) -> None:
    publisher = place.open()
    timer = threading.Timer(0.5, publisher.publish, [requested()])
    timer.start()
    start = time.monotonic()

    found = bus.receive("runner", 1, 10)

    assert len(found) == 1
    assert time.monotonic() - start < 5
    timer.join()
    publisher.close()


def test_an_empty_queue_answers_after_the_wait(bus: Bus) -> None:
    start = time.monotonic()
    assert bus.receive("runner", 5, 1) == []
    assert 0.5 < time.monotonic() - start < 4


def test_at_most_n_are_given(bus: Bus) -> None:
    for _ in range(4):
        bus.publish(requested())
    assert len(bus.receive("runner", 3, 1)) <= 3


def test_only_what_is_not_settled_comes_back_and_only_after_its_visibility(bus: Bus) -> None:
    start = time.monotonic()
    for run_id in ("run_done", "run_held", "run_forgotten"):
        bus.publish(requested(run_id))
    first = {decode(m.body).run_id: m for m in (one(bus, "runner") for _ in range(3))}
    assert {m.receives for m in first.values()} == {1}
    first["run_done"].ack()
    first["run_held"].extend(VISIBILITY_SECONDS + 3)
    assert bus.receive("runner", 1, 0) == []

    forgotten = one(bus, "runner", VISIBILITY_SECONDS + 5)
    assert (decode(forgotten.body).run_id, forgotten.receives) == ("run_forgotten", 2)
    assert forgotten.body == first["run_forgotten"].body
    assert time.monotonic() - start > VISIBILITY_SECONDS * 0.7
    forgotten.ack()

    held = one(bus, "runner", 10)
    assert (decode(held.body).run_id, held.receives) == ("run_held", 2)
    assert time.monotonic() - start > VISIBILITY_SECONDS + 2
    held.ack()

    assert bus.receive("runner", 1, 1) == []
    assert bus.depth("runner") == 0
    assert bus.dead_letters("runner") == []


def test_nack_gives_it_back_after_the_delay(bus: Bus) -> None:
    bus.publish(requested())
    one(bus, "runner").nack(0)
    second = one(bus, "runner", 1.5)
    second.nack(3)

    start = time.monotonic()
    third = one(bus, "runner", 10)

    assert third.receives == 3
    assert time.monotonic() - start > 1.5


def test_depth_counts_what_waits_and_what_is_in_work(bus: Bus) -> None:
    for _ in range(3):
        bus.publish(requested())
    one(bus, "runner")
    assert bus.depth("runner") == 3
    assert bus.depth("builder") == 0


def test_after_the_last_delivery_it_is_a_dead_letter(bus: Bus) -> None:
    bus.publish(requested("run_poison"))
    bus.publish(requested("run_good"))
    for _ in range(topology.MAX_RECEIVES * 2 + 4):
        for message in bus.receive("runner", 2, 0):
            if "run_good" in message.body:
                message.ack()
            else:
                message.nack(0)

    assert bus.receive("runner", 1, 1) == []
    dead = bus.dead_letters("runner")

    assert [decode(letter.body).model_dump()["run_id"] for letter in dead] == ["run_poison"]
    assert dead[0].queue == "runner"
    assert dead[0].receives >= topology.MAX_RECEIVES
    assert bus.dead_letters("runner")[0].id == dead[0].id, "listing must not lose them"


def test_reject_makes_a_dead_letter_at_once(bus: Bus) -> None:
    bus.publish(requested("run_1"))
    one(bus, "runner").reject()

    assert len(bus.dead_letters("runner")) == 1
    assert bus.depth("runner") == 0


def test_redriven_twice_has_the_same_effect(bus: Bus) -> None:
    for number in range(12):
        bus.publish(requested(f"run_{number}"))
    for _ in range(12):
        one(bus, "runner").reject()

    assert bus.redrive("runner") == 12
    assert bus.redrive("runner") == 0

    ids = sorted(event.model_dump()["run_id"] for event in drain(bus, "runner", 12))
    assert bus.receive("runner", 1, 1) == []
    assert ids == sorted(f"run_{number}" for number in range(12))
    assert bus.dead_letters("runner") == []


def test_a_redriven_message_has_all_its_deliveries_again(bus: Bus) -> None:
    bus.publish(requested())
    kill_receives(bus, "runner")
    bus.redrive("runner")

    assert one(bus, "runner").receives == 1


UNREADABLE = (
    "not json",
    "[" * 5000,
    '{"type": "RunRequested"}',
    '{"type": "SomethingElse", "event_id": "evt_1", "at": 1}',
    '{"type": "RunFinished", "event_id": "evt_1", "at": 1, "run_id": "run_1"}',
    "\U0001f4a3 é",
)
"""Malformed, incomplete, unknown, foreign."""


def test_a_consumer_survives_what_it_cannot_read(bus: Bus, place: Place) -> None:
    handled: list[str] = []
    consumer = Consumer(bus, "runner", {"RunRequested": lambda e: handled.append(e.run_id)}, wait=1)
    thread = threading.Thread(target=consumer.run)
    thread.start()

    for text in UNREADABLE:
        place.put_raw("runner", text)
    bus.publish(requested("run_after"))
    until(lambda: handled == ["run_after"])
    until(lambda: bus.depth("runner") == 0)
    consumer.stop()
    thread.join(10)

    assert {letter.body for letter in bus.dead_letters("runner")} == set(UNREADABLE)
    assert not thread.is_alive()


@pytest.mark.parametrize("place", ["sqlite", "rabbitmq", "ministack"], indirect=True)
def test_killed_consumers_lose_nothing(bus: Bus, place: Place, tmp_path: Path) -> None:
    sent = set()
    for _ in range(60):
        event = requested()
        bus.publish(event)
        sent.add(event.run_id)
    notes = tmp_path / "notes"
    notes.touch()
    chance = random.Random(7)
    command = [sys.executable, "-m", "tests.contracts.buses", place.kind, place.name, str(notes)]

    for _ in range(4):
        before = notes.stat().st_size
        consumer = subprocess.Popen(command)
        until(lambda size=before: notes.stat().st_size > size, 30)
        time.sleep(chance.random() * 0.2)
        consumer.kill()
        consumer.wait()
    last = subprocess.Popen(command)
    try:
        until(lambda: set(notes.read_text().split()) == sent, 60)
        until(lambda: bus.depth("runner") == 0, 30)
    finally:
        last.kill()
        last.wait()
    assert bus.dead_letters("runner") == []


@pytest.mark.parametrize("place", ["sqlite", "rabbitmq", "ministack"], indirect=True)
def test_term_ends_a_consumer_within_one_wait(bus: Bus, place: Place, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.touch()
    bus.publish_all([requested() for _ in range(3)])
    command = [sys.executable, "-m", "tests.contracts.buses", place.kind, place.name, str(notes)]
    consumer = subprocess.Popen(command)
    try:
        until(lambda: len(notes.read_text().split()) == 3, 30)
        time.sleep(0.3)  # it waits for the next one
        start = time.monotonic()
        consumer.terminate()
        assert consumer.wait(30) == 0
    finally:
        consumer.kill()
    assert time.monotonic() - start < WAIT_SECONDS + 4, "more than a wait, and a slow machine"
    assert bus.depth("runner") == 0


def test_stop_drains(bus: Bus, place: Place) -> None:
    started, release = threading.Event(), threading.Event()
    done: list[str] = []

    def handle(event: RunRequested) -> None:
        started.set()
        release.wait(10)
        done.append(event.run_id)

    own = place.open()
    consumer = Consumer(own, "runner", {"RunRequested": handle}, slots=1, wait=1)
    thread = threading.Thread(target=consumer.run)
    thread.start()
    bus.publish(requested("run_1"))
    assert started.wait(10)
    bus.publish(requested("run_2"))

    consumer.stop()
    time.sleep(0.3)
    assert thread.is_alive(), "it waits for the handler"
    release.set()
    thread.join(10)
    own.close()

    assert done == ["run_1"]
    assert [e.model_dump()["run_id"] for e in drain(bus, "runner", 1)] == ["run_2"]
    assert bus.depth("runner") == 0
