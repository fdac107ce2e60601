"""The buses under test, openable from any process; run as a program it is a consumer to be killed."""

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import boto3
import kombu
import pytest

from shared import bus_kombu, bus_sns_sqs
from shared.bus import Bus, Message
from shared.bus_kombu import KombuBus
from shared.bus_sns_sqs import SnsSqsBus
from shared.bus_sqlite import SqliteBus
from shared.consumer import Consumer
from shared.events import Event, RunRequested, decode
from shared.ids import new_id
from shared.topology import QUEUES
from tests.fakes import MemoryBus

VISIBILITY_SECONDS = 2
WAIT_SECONDS = 1
"""How long the consumer program below waits at once."""
_memory: dict[str, MemoryBus] = {}
_provisioned: set[str] = set()


@dataclass(frozen=True)
class Place:
    """Where a bus is: its kind, and a folder, a prefix, or a broker's address of its own."""

    kind: str
    name: str

    def provision(self) -> None:
        key = self.name + os.environ.get("AWS_ENDPOINT_URL", "")
        if self.kind in ("sns_sqs", "rabbitmq") and key not in _provisioned:  # that takes seconds
            if self.kind == "sns_sqs":
                bus_sns_sqs.provision(self.name, visibility_seconds=VISIBILITY_SECONDS)
            else:
                bus_kombu.provision(self.name)
            _provisioned.add(key)
        elif self.kind in ("sns_sqs", "rabbitmq"):
            self._purge()

    def open(self) -> Bus:
        if self.kind == "sns_sqs":
            return SnsSqsBus(self.name, visibility_seconds=VISIBILITY_SECONDS)
        if self.kind == "rabbitmq":
            found = bus_kombu.place(self.name)
            return KombuBus(found.url, found.prefix, visibility_seconds=VISIBILITY_SECONDS)
        if self.kind == "memory":
            return _memory.setdefault(self.name, MemoryBus(visibility_seconds=VISIBILITY_SECONDS))
        folder = Path(self.name)
        return SqliteBus(folder / "bus.db", folder / "wake", visibility_seconds=VISIBILITY_SECONDS)

    def put_raw(self, queue: str, text: str) -> None:
        """A message that none of us would write."""
        if self.kind == "sns_sqs":
            sqs = boto3.Session().client("sqs")
            url = sqs.get_queue_url(QueueName=f"{self.name}-{queue}")["QueueUrl"]
            sqs.send_message(QueueUrl=url, MessageBody=text)
            sqs.close()
            return
        if self.kind == "rabbitmq":
            found = bus_kombu.place(self.name)
            with kombu.Connection(found.url) as connection, connection.channel() as channel:
                message = channel.prepare_message(text.encode(), content_encoding="utf-16")
                channel.basic_publish(message, "", bus_kombu.queue_name(found.prefix, queue))
            return
        bus = self.open()
        assert isinstance(bus, SqliteBus | MemoryBus)
        bus.put(text, [queue])
        bus.close()

    def _purge(self) -> None:
        """What an earlier test left."""
        if self.kind == "sns_sqs":
            sqs = boto3.Session().client("sqs")
            for url in sqs.list_queues(QueueNamePrefix=f"{self.name}-")["QueueUrls"]:
                sqs.purge_queue(QueueUrl=url)
            sqs.close()
        if self.kind == "rabbitmq":
            found = bus_kombu.place(self.name)
            with kombu.Connection(found.url) as connection, connection.channel() as channel:
                for queue in QUEUES:
                    channel.queue_purge(bus_kombu.queue_name(found.prefix, queue))
                    channel.queue_purge(bus_kombu.dead_name(found.prefix, queue))
                for seconds in (1, 2, 5):
                    channel.queue_purge(bus_kombu.later_name(found.prefix, seconds))


def requested(run_id: str = "") -> RunRequested:
    return RunRequested(event_id=new_id("evt"), at=1, run_id=run_id or new_id("run"))


def one(bus: Bus, queue: str, wait: float = 5) -> Message:
    """The next message, which must come within `wait`."""
    end = time.monotonic() + wait
    while time.monotonic() < end:
        found = bus.receive(queue, 1, min(1.0, wait))
        if found:
            return found[0]
    pytest.fail(f"nothing came to {queue} within {wait} s")


def drain(bus: Bus, queue: str, expected: int, seconds: float = 15) -> list[Event]:
    """Receive and acknowledge until `expected` events came."""
    events: list[Event] = []
    end = time.monotonic() + seconds
    while len(events) < expected and time.monotonic() < end:
        for message in bus.receive(queue, 10, 1):
            events.append(decode(message.body))
            message.ack()
    return events


def main() -> None:
    """Handle runs one after the other: note the id in a file, then acknowledge."""
    place, notes = Place(sys.argv[1], sys.argv[2]), Path(sys.argv[3])

    def handle(event: RunRequested) -> None:
        with notes.open("a") as file:
            file.write(event.run_id + "\n")
            file.flush()
            os.fsync(file.fileno())
        time.sleep(0.02)

    bus = place.open()
    consumer = Consumer(bus, "runner", {"RunRequested": handle}, slots=3, wait=WAIT_SECONDS)
    signal.signal(signal.SIGTERM, lambda *_: consumer.stop())
    consumer.run()
    bus.close()


if __name__ == "__main__":
    main()
