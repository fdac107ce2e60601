"""What a dead runner left is ended and removed in time: `python -m runner_service.janitor`.

A process of its own, so that it survives the runner, and without any library, so that it is small;
when something is overdue it starts `runner_service.sweep`, which has the engine's adapter.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from runner_service.overdue import overdue

_EVERY = 5.0
_LONGEST_SWEEP = 120.0


def watch(state: Path, stop: threading.Event, every: float = _EVERY) -> None:
    """Look again and again until told to stop."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    while not stop.wait(every):
        if overdue(state, time.clock_gettime(time.CLOCK_BOOTTIME), boot):
            try:
                subprocess.run(
                    [sys.executable, "-m", "runner_service.sweep"],
                    timeout=_LONGEST_SWEEP,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                sys.stderr.write("janitor: the sweep took too long and was ended\n")


def main() -> None:
    data = os.environ.get("TOOLYARD_DATA") or "data"
    state = os.environ.get("TOOLYARD_RUNNER_STATE") or os.path.join(data, "runner")  # noqa: PTH118
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    watch(Path(state).absolute(), stop)


if __name__ == "__main__":
    main()
