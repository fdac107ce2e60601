"""[bus-sqlite] publish → receive at 20 messages a second, and messages a second through the bus.

Publisher and consumer are two processes, as on the embedded platform; a message is through
when its handler has returned and it is acknowledged. What waits is published as the relay does it:
up to a hundred in one step.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.context import Context
from bench.figures import Figure, percentile
from shared.bus_sqlite import SqliteBus
from shared.consumer import Consumer
from shared.events import RunRequested
from shared.ids import new_id
from web.relay import BATCH as RELAYED_AT_ONCE

_PACED, _PER_SECOND = 200, 20
_BURST = 2000
_BAR_MS, _BAR_PER_SECOND = 15.0, 500.0


def measure(context: Context) -> Iterator[Figure]:
    """Two figures: p95 in milliseconds, then the rate."""
    folder = context.scratch / "bus-sqlite"
    paced = _go(folder / "paced", _PACED, 1, 1 / _PER_SECOND)
    waits = [float(received - sent) for sent, received in paced.pairs]
    yield Figure(
        "bus-sqlite",
        percentile(waits, 0.95) / 1e6,
        "ms",
        "<=",
        _BAR_MS,
        note=f"publish to handler, p95 of {_PACED} at {_PER_SECOND}/s; "
        f"p50 {percentile(waits, 0.5) / 1e6:.1f} ms",
    )
    burst = _go(folder / "burst", _BURST, RELAYED_AT_ONCE, 0.0)
    seconds = (burst.through - min(sent for sent, _ in burst.pairs)) / 1e9
    yield Figure(
        "bus-sqlite",
        _BURST / seconds,
        "messages/s",
        ">=",
        _BAR_PER_SECOND,
        note=f"{_BURST} published {RELAYED_AT_ONCE} at a time, handled and acknowledged, synced to disk",
    )


@dataclass(frozen=True)
class _Outcome:
    """Times of the monotonic clock, which all processes share, in nanoseconds."""

    pairs: list[tuple[int, int]]
    """Sent and handled."""
    through: int
    """When the last was acknowledged."""


def _go(folder: Path, count: int, together: int, pause: float) -> _Outcome:
    bus = _open(folder)
    command = [sys.executable, "-m", "bench.bus_sqlite", str(folder), str(count)]
    consumer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert consumer.stdout is not None
        consumer.stdout.readline()  # it listens
        time.sleep(0.2)
        due = time.monotonic()
        for _ in range(count // together):
            sent = str(time.monotonic_ns())
            bus.publish_all(
                [RunRequested(event_id=new_id("evt"), at=1, run_id=sent) for _ in range(together)]
            )
            due += pause
            time.sleep(max(0.0, due - time.monotonic()))
        answer, _ = consumer.communicate(timeout=120)
        return _Outcome(**json.loads(answer))
    finally:
        consumer.kill()
        consumer.wait()
        bus.close()


def _open(folder: Path) -> SqliteBus:
    return SqliteBus(folder / "bus.db", folder / "wake")


def _consume(folder: Path, count: int) -> None:
    bus = _open(folder)
    pairs: list[tuple[int, int]] = []

    def handle(event: RunRequested) -> None:
        pairs.append((int(event.run_id), time.monotonic_ns()))

    consumer = Consumer(bus, "runner", {"RunRequested": handle}, slots=10)
    thread = threading.Thread(target=consumer.run)
    thread.start()
    print("listening", flush=True)
    while len(pairs) < count or bus.depth("runner"):
        time.sleep(0.005)
    through = time.monotonic_ns()
    consumer.stop()
    thread.join()
    bus.close()
    print(json.dumps({"pairs": pairs, "through": through}))


if __name__ == "__main__":
    _consume(Path(sys.argv[1]), int(sys.argv[2]))
