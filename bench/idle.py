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
    used = _processor_seconds(platform.pids()) - before
    core = 100 * used / (time.monotonic() - started)
    sizes = {name: pss for pid in platform.pids() for name, pss in [(_name(pid), _pss(pid))]}
    told = ", ".join(f"{name} {size / 2**20:.0f}" for name, size in sizes.items())
    total = sum(sizes.values()) / 2**20
    yield Figure("idle-memory", ours=total, unit="MB PSS", op="<=", value=450, note=told)
    yield Figure(
        "idle-processor",
        ours=core,
        unit="% of a core",
        op="<=",
        value=1.0,
        note=f"over {WATCH_SECONDS} s",
    )


def _pss(pid: int) -> int:
    """Proportional set size in bytes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"process {pid} has no proportional set size")


def _processor_seconds(pids: list[int]) -> float:
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _name(pid: int) -> str:
    argv = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    module = argv[argv.index("-m") + 1] if "-m" in argv else Path(argv[0]).name
    return f"{module} ({pid})"
