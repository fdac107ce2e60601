"""[bus-rabbitmq] publish → receive over RabbitMQ, beside kombu alone on the same broker and the same kind of queue.

Both sides are two processes each, and both publish a durable message that the broker has confirmed.
They take turns, so that what else the machine does meets both.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import kombu

from bench.context import Context
from bench.figures import Figure, percentile
from shared import bus_kombu
from shared.consumer import Consumer
from shared.events import RunRequested, encode
from shared.ids import new_id
from tests.bus_fixtures import Broker

_PACED, _PER_SECOND, _TURNS = 100, 20, 3
_BAR = 2.0


def measure(context: Context) -> Iterator[Figure]:
    """One figure: the ratio of the medians."""
    folder = context.scratch / "rabbitmq"
    folder.mkdir()
    for reachable in (context.scratch, folder):
        reachable.chmod(0o755)  # the server has a user of its own
    broker = Broker(folder / "broker")
    context.stack.callback(broker.stop)
    broker.start()
    address = broker.url + "?prefix=bench"
    bus_kombu.provision(address)
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(_TURNS):
        ours += _ours(address)
        bare += _bare(broker.url)
    broker.stop()
    yield Figure(
        "bus-rabbitmq",
        percentile(ours, 0.5) / 1e6,
        "ms",
        "<=",
        _BAR,
        bare=percentile(bare, 0.5) / 1e6,
        note=f"publish to handler, p50 of {len(ours)} at {_PER_SECOND}/s, quorum queue, confirmed; "
        f"p95 {percentile(ours, 0.95) / 1e6:.1f} and {percentile(bare, 0.95) / 1e6:.1f} ms",
    )


def _event() -> RunRequested:
    return RunRequested(event_id=new_id("evt"), at=1, run_id=str(time.monotonic_ns()))


def _ours(address: str) -> list[float]:
    bus = bus_kombu.open_at(address)
    try:
        return _paced("ours", address, lambda: bus.publish(_event()))
    finally:
        bus.close()


def _bare(url: str) -> list[float]:
    options = {"confirm_publish": True}
    with kombu.Connection(url, transport_options=options) as connection:
        producer = kombu.Producer(connection)
        queue = bus_kombu.queue_name("bench", "builder")

        def publish() -> None:
            producer.publish(
                encode(_event()), routing_key=queue, delivery_mode=2, content_type="text/plain"
            )

        return _paced("bare", url, publish)


def _paced(side: str, address: str, publish: Callable[[], None]) -> list[float]:
    """Nanoseconds from before each publish to its handler, in another process."""
    command = [sys.executable, "-m", "bench.bus_rabbitmq", side]
    consumer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert consumer.stdin is not None and consumer.stdout is not None
        consumer.stdin.write(address + "\n")
        consumer.stdin.flush()
        consumer.stdout.readline()  # it listens
        time.sleep(0.3)
        due = time.monotonic()
        for _ in range(_PACED):
            publish()
            due += 1 / _PER_SECOND
            time.sleep(max(0.0, due - time.monotonic()))
        answer, _ = consumer.communicate(timeout=60)
        return [float(wait) for wait in json.loads(answer)]
    finally:
        consumer.kill()
        consumer.wait()


def _consume_ours(address: str) -> list[int]:
    bus, waits = bus_kombu.open_at(address), []

    def handle(event: RunRequested) -> None:
        waits.append(time.monotonic_ns() - int(event.run_id))

    consumer = Consumer(bus, "runner", {"RunRequested": handle}, slots=10)
    thread = threading.Thread(target=consumer.run)
    thread.start()
    print("listening", flush=True)
    while len(waits) < _PACED:
        time.sleep(0.01)
    consumer.stop()
    thread.join()
    bus.close()
    return waits


def _consume_bare(url: str) -> list[int]:
    waits: list[int] = []

    def handle(body: str, message: kombu.Message) -> None:
        waits.append(time.monotonic_ns() - int(json.loads(body)["run_id"]))
        message.ack()

    queue = kombu.Queue(bus_kombu.queue_name("bench", "builder"), no_declare=True)
    with (
        kombu.Connection(url) as connection,
        connection.Consumer(queue, callbacks=[handle], prefetch_count=10),
    ):
        print("listening", flush=True)
        while len(waits) < _PACED:
            connection.drain_events()
    return waits


if __name__ == "__main__":
    where = sys.stdin.readline().strip()  # it holds a password, so it is no argument
    print(json.dumps(_consume_ours(where) if sys.argv[1] == "ours" else _consume_bare(where)))
