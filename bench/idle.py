"""[idle] Memory and processor time of every process of the platform while nobody uses it."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from bench.context import Context, finished, submit
from bench.figures import Figure

SETTLE_SECONDS = 20
WATCH_SECONDS = 60


def measure(context: Context) -> Iterator[Figure]:
    platform = context.platform
    with platform.http() as api:  # an idle platform is one that has worked before
        finished(api, submit(api, context.hello.id))
    time.sleep(SETTLE_SECONDS)
    before = _processor_seconds(platform.pids())
    started = time.monotonic()
    time.sleep(WATCH_SECONDS)
    lasted = time.monotonic() - started
    after = _processor_seconds(platform.pids())
    shares = {pid: 100 * (used - before.get(pid, 0.0)) / lasted for pid, used in after.items()}
    sizes = {pid: _pss(pid) / 2**20 for pid in platform.pids()}
    yield Figure(
        "idle-memory",
        ours=sum(sizes.values()),
        unit="MB PSS",
        op="<=",
        value=450,
        note=", ".join(f"{_name(pid)} {size:.0f}" for pid, size in sizes.items()),
    )
    yield Figure(
        "idle-processor",
        ours=sum(shares.values()),
        unit="% of a core",
        op="<=",
        value=1.0,
        note=", ".join(f"{_name(pid)} {share:.2f}" for pid, share in shares.items()),
    )


def _pss(pid: int) -> int:
    """Proportional set size in bytes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"process {pid} has no proportional set size")


def _processor_seconds(pids: list[int]) -> dict[int, float]:
    ticks = os.sysconf("SC_CLK_TCK")
    used = {}
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used[pid] = (int(fields[11]) + int(fields[12])) / ticks
    return used


def _name(pid: int) -> str:
    argv = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    module = argv[argv.index("-m") + 1] if "-m" in argv else Path(argv[0]).name
    return module.removesuffix("_service")
