"""Each message is settled in exactly one way."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import structlog

from shared.consumer import Consumer, pause_before_retry
from shared.errors import Reject, Retry
from shared.events import RunFinished, RunRequested, encode
from shared.topology import MAX_RECEIVES
from tests.fakes import MemoryBus


@dataclass
class Delivery:
    body: str
    receives: int = 1
    settled: list[object] = field(default_factory=list)

    def ack(self) -> None:
        self.settled.append("ack")

    def nack(self, delay: float) -> None:
        self.settled.append(("nack", delay))

    def reject(self) -> None:
        self.settled.append("reject")

    def extend(self, seconds: float) -> None:
        raise AssertionError("nobody asked for it")


EVENT = RunRequested(event_id="evt_1", at=1, run_id="run_1")


def settle(body: str, handler: Callable[[RunRequested], None]) -> object:
    delivery = Delivery(body)
    Consumer(MemoryBus(), "runner", {"RunRequested": handler}).handle(delivery)
    (answer,) = delivery.settled
    return answer


def raising(error: Exception) -> Callable[[RunRequested], None]:
    def handler(event: RunRequested) -> None:
        raise error

    return handler


@pytest.mark.parametrize(
    ("handler", "answer"),
    [
        (lambda event: None, "ack"),
        (raising(Retry("later", delay=7)), ("nack", 7)),
        (raising(Reject("never")), "reject"),
        (raising(KeyError("a surprise")), ("nack", 5.0)),
    ],
    ids=["done", "retry", "reject", "surprise"],
)
def test_how_a_handler_ends(handler: Callable[[RunRequested], None], answer: object) -> None:
    assert settle(encode(EVENT), handler) == answer


def test_what_cannot_be_read_is_rejected() -> None:
    assert settle("{", lambda event: None) == "reject"


def test_an_event_of_no_handler_is_rejected() -> None:
    foreign = RunFinished(event_id="evt_1", at=1, run_id="run_1")
    assert settle(encode(foreign), lambda event: None) == "reject"


def test_unknown_fields_are_ignored() -> None:
    body = json.dumps(json.loads(encode(EVENT)) | {"new": [1]})
    assert settle(body, lambda event: None) == "ack"


@pytest.mark.parametrize("extra", [{}, {"type": "NotYetInvented"}])
def test_a_newer_schema_goes_back_to_the_queue(extra: dict[str, object]) -> None:
    body = json.dumps(json.loads(encode(EVENT)) | {"schema_version": 2} | extra)
    assert settle(body, raising(AssertionError())) == ("nack", 30.0)


def test_pauses_outlast_ten_minutes_without_a_server() -> None:
    pauses = [pause_before_retry(5.0, receives) for receives in range(1, MAX_RECEIVES + 1)]
    assert pauses[:3] == [5.0, 10.0, 20.0]
    assert max(pauses) == 120.0
    last_delivery = sum(pauses[:-1])
    assert last_delivery > 900  # ten minutes, and time for the server to come back


def test_log_lines_of_a_handler_carry_the_ids() -> None:
    seen: dict[str, object] = {}
    settle(encode(EVENT), lambda event: seen.update(structlog.contextvars.get_contextvars()))
    assert seen == {"type": "RunRequested", "event_id": "evt_1", "run_id": "run_1"}
    assert structlog.contextvars.get_contextvars() == {}


def run(consumer: Consumer) -> threading.Thread:
    thread = threading.Thread(target=consumer.run)
    thread.start()
    return thread


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def void(_: object) -> None:
    """A lambda's way to return nothing."""


def publish(bus: MemoryBus, count: int) -> None:
    for number in range(count):
        bus.publish(RunRequested(event_id=f"evt_{number}", at=1, run_id=f"run_{number}"))


def test_no_more_is_fetched_than_there_are_slots() -> None:
    bus, release = MemoryBus(), threading.Event()
    publish(bus, 6)
    consumer = Consumer(
        bus, "runner", {"RunRequested": lambda e: void(release.wait(10))}, slots=2, wait=0.1
    )
    thread = run(consumer)

    until(lambda: bus.in_work("runner") == 2)
    time.sleep(0.3)
    assert bus.in_work("runner") == 2
    release.set()
    until(lambda: bus.depth("runner") == 0)
    consumer.stop()
    thread.join(5)
    assert not thread.is_alive()


def test_nothing_is_fetched_while_the_work_elsewhere_is_full() -> None:
    bus, free = MemoryBus(), [0]
    publish(bus, 1)
    handled: list[str] = []
    consumer = Consumer(
        bus,
        "runner",
        {"RunRequested": lambda e: handled.append(e.run_id)},
        free_slots=lambda: free[0],
        wait=0.1,
    )
    thread = run(consumer)
    time.sleep(0.3)
    assert handled == [] and bus.in_work("runner") == 0

    free[0] = 1
    consumer.wake()
    until(lambda: handled == ["run_0"])
    consumer.stop()
    thread.join(5)


def test_a_bus_that_is_away_is_waited_for() -> None:
    bus = MemoryBus()
    handled: list[str] = []
    consumer = Consumer(
        bus, "runner", {"RunRequested": lambda e: handled.append(e.run_id)}, wait=0.1
    )
    bus.away = True
    thread = run(consumer)
    time.sleep(0.2)
    bus.away = False
    publish(bus, 1)
    until(lambda: handled == ["run_0"])
    consumer.stop()
    thread.join(5)
    assert not thread.is_alive()


def test_a_slow_acknowledgement_holds_up_no_message_and_is_waited_for_at_the_end() -> None:
    bus, answered = MemoryBus(), threading.Event()
    settle = bus.settle

    def slowly(*delivery: object) -> None:
        answered.wait(10)
        settle(*delivery)  # type: ignore[arg-type]

    bus.settle = slowly  # type: ignore[method-assign,assignment]
    publish(bus, 3)
    handled: list[str] = []
    consumer = Consumer(
        bus, "runner", {"RunRequested": lambda e: handled.append(e.run_id)}, slots=1, wait=0.1
    )
    thread = run(consumer)
    until(lambda: len(handled) == 3)
    assert bus.depth("runner") == 3

    consumer.stop()
    time.sleep(0.1)
    assert thread.is_alive()
    answered.set()
    thread.join(5)
    assert not thread.is_alive() and bus.depth("runner") == 0
