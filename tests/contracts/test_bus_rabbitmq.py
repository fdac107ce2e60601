"""What is true of RabbitMQ only: confirmations, connections that break, a broker that is killed, TLS."""

import contextlib
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import kombu
import pytest
from structlog.testing import capture_logs

from shared import bus_kombu
from shared.bus import Bus, Message
from shared.bus_kombu import KombuBus
from shared.events import BuildRequested, decode
from shared.ids import new_id
from tests.bus_fixtures import PASSWORD, Broker
from tests.certificates import Certificate
from tests.contracts.buses import Place, drain, one, requested


@pytest.fixture
def place(rabbitmq_url: str) -> Place:
    place = Place("rabbitmq", rabbitmq_url + "?prefix=contract")
    place.provision()
    return place


@pytest.fixture
def bus(place: Place) -> Iterator[Bus]:
    opened = place.open()
    yield opened
    opened.close()


def test_a_killed_broker_keeps_what_it_confirmed_and_is_found_again(
    bus: Bus, rabbitmq_broker: Broker
) -> None:
    confirmed = [requested() for _ in range(20)]
    bus.publish_all(confirmed)
    held = one(bus, "runner")
    rejected, delayed = one(bus, "runner"), one(bus, "runner")
    rejected.reject()
    delayed.nack(2)

    rabbitmq_broker.kill()
    with capture_logs() as lines:
        with pytest.raises(OSError):
            bus.publish(requested("run_never"))
        with pytest.raises(OSError):
            bus.receive("runner", 1, 1)
        held.ack()  # void: the connection it came by is gone
        rabbitmq_broker.start()
        dead = bus.dead_letters("runner")
        events = drain(bus, "runner", 19, 30)
        bus.publish(requested("run_after"))
        assert "run_after" in one(bus, "runner").body

    assert [letter.body for letter in dead] == [rejected.body]
    ids = {e.event_id for e in events} | {decode(rejected.body).event_id}
    assert ids == {e.event_id for e in confirmed}
    assert PASSWORD not in str(lines)


def test_a_broker_that_falls_silent_is_noticed_by_a_publisher(
    bus: Bus, rabbitmq_broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus.publish(requested())
    monkeypatch.setattr("shared.amqp_outlet._CONFIRM_SECONDS", 0.5)
    os.kill(rabbitmq_broker.pid, signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutError, match="did not confirm"):
            bus.publish(requested())
    finally:
        os.kill(rabbitmq_broker.pid, signal.SIGCONT)


def test_an_event_that_no_queue_takes_is_not_called_published(bus: Bus, place: Place) -> None:
    found = bus_kombu.place(place.name)
    names = bus_kombu.queue_name(found.prefix, "builder"), "contract.builds", "BuildRequested"
    event = BuildRequested(event_id=new_id("evt"), at=1, build_id="build_1")
    with kombu.Connection(found.url) as connection, connection.channel() as channel:
        channel.queue_unbind(*names)
        try:
            with pytest.raises(RuntimeError, match="toolyard bus provision"):
                bus.publish(event)
        finally:
            channel.queue_bind(*names)
    bus.publish(event)
    assert drain(bus, "builder", 1) == [event]


def test_a_broker_without_our_queues_refuses_instead_of_losing(rabbitmq_url: str) -> None:
    bus = bus_kombu.open_at(rabbitmq_url + "?prefix=nobody")
    with pytest.raises(Exception, match="NOT_FOUND"):
        bus.publish(requested())
    with pytest.raises(Exception, match="NOT_FOUND"):
        bus.receive("runner", 1, 1)
    bus.close()


def test_a_dead_process_gives_back_at_once_and_it_is_counted(bus: Bus, place: Place) -> None:
    bus.publish(requested("run_1"))
    holder = place.open()
    one(holder, "runner")
    holder.close()  # as the kernel closes what a killed process had open

    start = time.monotonic()
    again = one(bus, "runner")

    assert again.receives == 2
    assert time.monotonic() - start < 1.5, "it did not wait for its visibility"


def test_the_count_of_deliveries_survives_a_delay(bus: Bus) -> None:
    bus.publish(requested())
    one(bus, "runner").nack(0)
    one(bus, "runner").nack(1)
    one(bus, "runner").nack(0)

    assert one(bus, "runner").receives == 4


def test_many_threads_share_a_bus(bus: Bus) -> None:
    sent = [requested() for _ in range(60)]
    got: list[str] = []

    def publish(start: int) -> None:
        for event in sent[start::6]:
            bus.publish(event)

    def receive() -> None:
        while len(got) < len(sent):
            for message in bus.receive("runner", 5, 1):
                got.append(decode(message.body).event_id)
                message.ack()

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(6)]
    threads += [threading.Thread(target=receive) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(got) == sorted(event.event_id for event in sent)
    assert bus.depth("runner") == 0


def test_a_worker_gets_no_more_than_it_has_room_for(bus: Bus, place: Place) -> None:
    bus.publish_all([requested() for _ in range(4)])
    busy = place.open()

    assert len(busy.receive("runner", 1, 1)) == 1
    others = drain(bus, "runner", 3, 5)

    assert len(others) == 3, "the busy worker holds what it cannot work on"
    busy.close()


def test_a_delivery_that_nobody_saw_is_not_counted(bus: Bus) -> None:
    """Eight of them would bury a healthy message: what is under way must not be cancelled."""
    for _ in range(3):
        bus.publish_all([requested() for _ in range(100)])
    counts: list[int] = []
    while len(counts) < 300:
        found = bus.receive("runner", 10, 1)
        assert found, "some are missing"
        for message in found:
            counts.append(message.receives)
            message.ack()

    assert set(counts) == {1}


def test_the_prefix_keeps_installations_apart(bus: Bus, rabbitmq_url: str) -> None:
    other = rabbitmq_url + "?prefix=other"
    bus_kombu.provision(other)
    neighbour = bus_kombu.open_at(other)
    bus.publish(requested())

    assert neighbour.receive("runner", 1, 1) == []
    assert neighbour.depth("runner") == 0
    neighbour.close()


@pytest.fixture
def tls_place(place: Place, rabbitmq_broker: Broker) -> Place:
    """The same exchanges and queues through TLS."""
    return Place(
        "rabbitmq", f"{rabbitmq_broker.tls_url}?prefix=contract&ca={rabbitmq_broker.certificate}"
    )


def test_through_tls_nothing_stays_lying_in_a_record(tls_place: Place) -> None:
    """Several messages come in one record; the socket is then empty, and no poll tells of the rest."""
    bus = tls_place.open()
    sent = [requested("r" * size) for size in (1, 20_000, 1, 1, 150_000, 1, 1, 1)]
    got: set[str] = set()
    started = time.monotonic()
    try:
        for _ in range(8):
            bus.publish_all(sent)
            while len(got) < len(sent):
                for message in bus.receive("runner", 3, 5):
                    got.add(decode(message.body).event_id)
                    message.ack()
            got.clear()
        assert bus.depth("runner") == 0
    finally:
        bus.close()
    assert time.monotonic() - started < 15, "something waited for the next heartbeat"


@pytest.mark.parametrize(
    ("of", "host", "why"),
    [
        ("nobody", "127.0.0.1", "self-signed certificate"),
        ("another", "127.0.0.1", "self-signed certificate"),
        ("ours", "localhost", "certificate is not valid for 'localhost'"),
    ],
)
def test_a_broker_is_only_told_the_password_when_its_certificate_is_right(
    of: str, host: str, why: str, rabbitmq_broker: Broker, tmp_path: Path
) -> None:
    url = rabbitmq_broker.tls_url.replace("127.0.0.1", host) + "?prefix=contract"
    if of != "nobody":
        file = rabbitmq_broker.certificate if of == "ours" else Certificate(tmp_path).file
        url += f"&ca={file}"
    bus = bus_kombu.open_at(url)
    try:
        with pytest.raises(ssl.SSLCertVerificationError, match=why):
            bus.publish(requested())
    finally:
        bus.close()


def test_a_tls_broker_that_falls_silent_is_noticed_and_left(
    tls_place: Place, rabbitmq_broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.amqp_line._SILENT_SECONDS", 1)
    bus = tls_place.open()
    assert isinstance(bus, KombuBus)
    assert bus.depth("runner") == 0
    assert bus._aside._socket is not None
    assert bus._aside._socket.gettimeout() == 1, "it keeps the time for connecting"
    os.kill(rabbitmq_broker.pid, signal.SIGSTOP)
    started = time.monotonic()
    try:
        with pytest.raises(OSError):
            bus.depth("runner")
    finally:
        os.kill(rabbitmq_broker.pid, signal.SIGCONT)
    assert time.monotonic() - started < 10
    assert bus.depth("runner") == 0
    bus.close()


class Wire:
    """Between a bus and its broker: after `stall()` it passes on a bit more than a frame begins with, until `mend()`."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._whole = threading.Event()
        self._whole.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def stall(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    def close(self) -> None:
        self.mend()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                there = socket.create_connection(("127.0.0.1", self._to))
                for ends in ((here, there, False), (there, here, True)):
                    threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, stalls: bool) -> None:
        with contextlib.suppress(OSError), source, target:
            while data := source.recv(65536):
                if stalls and not self._whole.is_set():
                    target.sendall(data[:20])
                    data = data[20:]
                    self._whole.wait()
                target.sendall(data)


@pytest.mark.parametrize("scheme", ["amqp", "amqps"])
def test_half_a_frame_holds_up_nobody_and_is_not_lost(
    scheme: str, bus: Bus, place: Place, tls_place: Place
) -> None:
    address = {"amqp": place, "amqps": tls_place}[scheme].name
    port = urlsplit(address).port
    assert port is not None
    wire = Wire(port)
    found = bus_kombu.place(address.replace(f":{port}", f":{wire.port}"))
    slow = KombuBus(found.url, found.prefix)
    try:
        assert slow.receive("runner", 1, 0.5) == []
        wire.stall()
        answers: list[Message] = []
        waiting = threading.Thread(target=lambda: answers.extend(slow.receive("runner", 1, 20)))
        waiting.start()
        event = requested()
        time.sleep(0.5)
        bus.publish(event)
        time.sleep(0.5)

        assert slow.inlet.post(lambda: "served").result(5) == "served"
        wire.mend()
        waiting.join(20)
        assert [decode(message.body) for message in answers] == [event]
        answers[0].ack()
    finally:
        wire.close()
        slow.close()
