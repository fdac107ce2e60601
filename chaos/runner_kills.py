"""A runner that is killed at random moments, twice: with a successor on the same host, and with the host lost."""

import argparse
import hashlib
import logging
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from chaos.real_web import RealWeb
from chaos.runner_process import Host, RunnerProcess, Starts
from shared import debian_base, logs
from shared.containers_docker import DockerContainers
from shared.work import Limits, Manifest
from web.leases import LeaseTimes

# Both streams, interleaved, and a file; what it prints depends on its argument only.
PROGRAM = r"""
$| = 1; select(STDERR); $| = 1; select(STDOUT);
my ($seed, $lines, $pause) = @ARGV;
open(my $f, '>', "out.$seed") or die;
for my $i (1 .. $lines) {
  print "out $seed $i ", "x" x ($i * 37 % 200), "\n";
  print STDERR "err $seed $i\n" if $i % 3 == 0;
  print $f "file $seed $i\n"; select(undef, undef, undef, $pause);
}
"""
SAME_HOST = LeaseTimes()
"""No lease runs out while a successor starts."""
HOST_LOST = LeaseTimes(lease_seconds=4.0, heartbeat_seconds=0.8)
"""What is lost starts again soon."""
WAITING = 8
"""So few are unfinished at a time that they do not all end while one that was lost twice is waited for."""
ENDED = {"succeeded", "failed", "timed_out", "cancelled", "lost"}


def expected(seed: int, lines: int) -> tuple[bytes, bytes, bytes]:
    """Standard output, standard error and the file of `PROGRAM`."""
    numbers = range(1, lines + 1)
    out = "".join(f"out {seed} {i} {'x' * (i * 37 % 200)}\n" for i in numbers)
    err = "".join(f"err {seed} {i}\n" for i in numbers if i % 3 == 0)
    file = "".join(f"file {seed} {i}\n" for i in numbers)
    return out.encode(), err.encode(), file.encode()


@dataclass
class Outcome:
    """What came of one series; `wrong` is empty when every promise was kept."""

    runs: int
    kills: int = 0
    seconds: float = 0.0
    states: dict[str, int] = field(default_factory=dict)
    most_starts: int = 0
    restarted: int = 0
    wrong: list[str] = field(default_factory=list)


def series(
    folder: Path,
    image: str,
    *,
    runs: int,
    kills: int,
    host_lost: bool,
    seed: int,
    say: Callable[[str], None] = lambda line: None,
) -> Outcome:
    """`runs` runs at two slots, during which the runner dies `kills` times."""
    chance = random.Random(seed)
    web = RealWeb(
        folder,
        image,
        ["perl", "-e", PROGRAM, "--"],
        times=HOST_LOST if host_lost else SAME_HOST,
        limits=Limits(memory_bytes=64 << 20, disk_bytes=8 << 20, output_files=50, pids=32),
    )
    runner = RunnerProcess(web, slots=2, runner_drain_seconds=20)
    outcome = Outcome(runs)
    began = time.monotonic()
    starts = Starts(folder)
    try:
        counts = [chance.randint(5, 40) for _ in range(runs)]
        lines: dict[str, tuple[int, int]] = {}

        def spared() -> bool:  # a third loss ends a run by design
            return host_lost and web.losses_of_unfinished() >= 2

        def ask_for_more() -> None:
            while not spared() and len(lines) < min(runs, _ended(web) + WAITING):
                number, count = len(lines), counts[len(lines)]
                lines[web.request([str(number), str(count), "0.02"])] = (number, count)

        ask_for_more()
        runner.start()
        while outcome.kills < kills and not _all_ended(web, runs):
            ask_for_more()
            if _ended(web) < 0.8 * runs * outcome.kills / kills:
                time.sleep(0.05)  # the kills are spread over the runs
                continue
            if chance.random() < 0.8:  # else also while it starts
                runner.wait_ready()
            time.sleep(chance.uniform(0.0, 2.0))
            if spared():
                continue
            if host_lost:
                runner.lose_host()
            else:
                runner.kill()
            outcome.kills += 1
            runner.start()
            say(f"kill {outcome.kills} of {kills}, {web.counts()}")
        until = time.monotonic() + 120 + runs * 5
        while not _all_ended(web, runs) and time.monotonic() < until:
            ask_for_more()
            time.sleep(0.2)
        runner.stop()
        outcome.seconds = time.monotonic() - began
        if len(lines) < runs:
            outcome.wrong.append(f"only {len(lines)} runs could be asked for")
        _judge(web, outcome, lines, starts.of, one_start=not host_lost)
    finally:
        starts.close()
        runner.sweep()
        web.close()
    return outcome


def _ended(web: RealWeb) -> int:
    return sum(count for state, count in web.counts().items() if state in ENDED)


def _all_ended(web: RealWeb, runs: int) -> bool:
    return _ended(web) == runs


def _judge(
    web: RealWeb,
    outcome: Outcome,
    lines: dict[str, tuple[int, int]],
    starts: dict[str, int],
    *,
    one_start: bool,
) -> None:
    outcome.states = web.counts()
    host = Host(web.data)
    try:
        if left := host.left_over():
            outcome.wrong.append(f"left over: {left}")
    finally:
        host.close()
    outcome.most_starts = max(starts.values(), default=0)
    outcome.restarted = sum(count > 1 for count in starts.values())
    for run_id, (number, count) in lines.items():
        outcome.wrong += _wrong_with(web, run_id, number, count)
        if one_start and starts.get(run_id) != 1:
            outcome.wrong.append(f"{run_id} was started {starts.get(run_id)} times")


def _wrong_with(web: RealWeb, run_id: str, number: int, count: int) -> list[str]:
    run = web.run(run_id)
    if run.state != "succeeded":
        return [f"{run_id} is {run.state}: {run.reason}"]
    if web.terminal_events(run_id) != 1:
        return [f"{run_id} ended {web.terminal_events(run_id)} times"]
    stdout, stderr, file = expected(number, count)
    stored = Manifest.model_validate(run.manifest)
    if [o.path for o in stored.outputs] != [f"out.{number}"] or stored.skipped:
        return [f"{run_id} has other outputs: {stored.outputs} {stored.skipped}"]
    parts: list[tuple[str, str | None, bytes]] = [
        ("stdout", stored.stdout.key, stdout),
        ("stderr", stored.stderr.key, stderr),
        ("file", stored.outputs[0].key, file),
    ]
    wrong = []
    for name, key, bytes_ in parts:
        kept = web.object(key) if key else b""
        if hashlib.sha256(kept).digest() != hashlib.sha256(bytes_).digest():
            wrong.append(f"{run_id}: {name} has {len(kept)} bytes, expected {len(bytes_)}")
    return wrong


def main(arguments: list[str] | None = None) -> int:
    """Both series at full length; 0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="chaos.runner_kills", description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args(arguments)
    logs.configure("chaos", level=logging.ERROR)
    failed = False
    for host_lost in (False, True):
        name = "host lost" if host_lost else "successor on the same host"
        print(f"{name}: {options.runs} runs, {options.kills} kills, seed {options.seed}")
        with tempfile.TemporaryDirectory(prefix="toolyard-chaos-") as made:
            folder = Path(made)
            containers = DockerContainers("chaos", files=folder, rules={})
            image = debian_base.ensure(containers, folder)
            containers.close()
            outcome = series(
                folder / "data",
                image,
                runs=options.runs,
                kills=options.kills,
                host_lost=host_lost,
                seed=options.seed,
                say=lambda line: print("  " + line, flush=True),
            )
        print(
            f"  {outcome.states} after {outcome.kills} kills in {outcome.seconds:.0f} s; "
            f"runs started more than once: {outcome.restarted}, "
            f"starts of one run at most: {outcome.most_starts}"
        )
        for line in outcome.wrong:
            print(f"  WRONG {line}")
        failed = failed or bool(outcome.wrong) or outcome.kills < options.kills
    print("failed" if failed else "every promise was kept")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
