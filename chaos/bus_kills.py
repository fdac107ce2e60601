"""Consumers of every bus killed at random moments under load: each message is handled, none is buried."""

import argparse
import contextlib
import logging
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from shared import logs
from shared.ids import new_id
from tests import emulators
from tests.bus_fixtures import Broker
from tests.contracts.buses import Place, requested

BUSES = ("sqlite", "rabbitmq", "sns_sqs")


@dataclass
class Outcome:
    """What came of one bus; `lost` and `buried` are empty when every promise was kept."""

    sent: int
    kills: int = 0
    handled_twice: int = 0
    seconds: float = 0.0
    lost: set[str] = field(default_factory=set)
    buried: int = 0


def series(
    place: Place,
    notes: Path,
    *,
    messages: int,
    kills: int,
    seed: int,
    say: Callable[[str], None] = lambda line: None,
) -> Outcome:
    """Two consumers at a time, of which one dies `kills` times while the messages are published."""
    chance = random.Random(seed)
    notes.touch()
    command = [sys.executable, "-m", "tests.contracts.buses", place.kind, place.name, str(notes)]
    place.provision()
    bus = place.open()
    outcome = Outcome(messages)
    began = time.monotonic()
    sent: set[str] = set()
    consumers = [subprocess.Popen(command) for _ in range(2)]
    try:
        while outcome.kills < kills or len(sent) < messages:
            share = outcome.kills / kills if kills else 1.0
            while len(sent) < messages * min(1.0, share + 0.1):
                batch = [requested() for _ in range(min(10, messages - len(sent)))]
                bus.publish_all(batch)
                sent |= {event.run_id for event in batch}
            if outcome.kills < kills:
                _let_work(notes, chance.uniform(0.0, 0.4))
                victim = chance.randrange(2)
                consumers[victim].kill()
                consumers[victim].wait()
                consumers[victim] = subprocess.Popen(command)
                outcome.kills += 1
                say(f"kill {outcome.kills} of {kills}, {len(_lines(notes))} of {len(sent)} handled")
        until = time.monotonic() + 60 + messages * 0.1
        while time.monotonic() < until and (set(_lines(notes)) != sent or bus.depth("runner")):
            time.sleep(0.1)
        handled = _lines(notes)
        outcome.lost = sent - set(handled)
        outcome.handled_twice = len(handled) - len(set(handled))
        outcome.buried = len(bus.dead_letters("runner"))
        outcome.seconds = time.monotonic() - began
    finally:
        for consumer in consumers:
            consumer.kill()
            consumer.wait()
        bus.close()
    return outcome


def _let_work(notes: Path, seconds: float) -> None:
    """A kill hits somebody who works: not before something more was handled, at most 10 s."""
    before, end = notes.stat().st_size, time.monotonic() + 10
    while notes.stat().st_size == before and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(seconds)


def _lines(notes: Path) -> list[str]:
    return notes.read_text().split()


@contextlib.contextmanager
def _place(kind: str, folder: Path) -> Iterator[Place]:
    with contextlib.ExitStack() as stack:
        if kind == "rabbitmq":
            folder.chmod(0o755)
            broker = Broker(folder / "broker")
            stack.callback(broker.stop)
            broker.start()
            yield Place(kind, broker.url + "?prefix=chaos")
        elif kind == "sns_sqs":
            url = stack.enter_context(emulators.ministack(folder, "sns,sqs,iam,sts"))
            os.environ.update({**emulators.AWS_ENVIRONMENT, "AWS_ENDPOINT_URL": url})
            yield Place(kind, new_id("chaos").replace("_", ""))
        else:
            yield Place(kind, str(folder))


def main(arguments: list[str] | None = None) -> int:
    """Every bus at full length; 0 when nothing was lost or buried."""
    parser = argparse.ArgumentParser(prog="chaos.bus_kills", description=__doc__)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--bus", choices=BUSES, action="append")
    options = parser.parse_args(arguments)
    logs.configure("chaos", level=logging.CRITICAL)
    failed = False
    for kind in options.bus or BUSES:
        print(f"{kind}: {options.messages} messages, {options.kills} kills, seed {options.seed}")
        with tempfile.TemporaryDirectory(prefix="toolyard-chaos-") as made:
            folder = Path(made)
            with _place(kind, folder) as place:
                outcome = series(
                    place,
                    folder / "notes",
                    messages=options.messages,
                    kills=options.kills,
                    seed=options.seed,
                    say=lambda line: print("  " + line, flush=True),
                )
        print(
            f"  {outcome.sent} sent, {outcome.kills} kills, {len(outcome.lost)} lost, "
            f"{outcome.handled_twice} handled more than once, {outcome.buried} buried, "
            f"{outcome.seconds:.0f} s"
        )
        failed = failed or bool(outcome.lost or outcome.buried) or outcome.kills < options.kills
    print("failed" if failed else "every promise was kept")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
