"""A platform of its own under load: started, flooded by Locust, watched until all is quiet again."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from load_tests import measured
from load_tests.measured import Measured
from shared import desired
from shared.bounds import Bounds
from tests.git_server import GitServer, repository_from_files
from tests.platform import ROOT, Platform

NAP = """#!/bin/sh
case "$1" in
  ""|-h|--help) echo "usage: nap SECONDS"; exit 0 ;;
esac
sleep "$1"
echo "slept $1 s"
"""
ACCOUNTS = 4
QUIET_SECONDS = 120.0
"""All must have ended, and gone in, so long after the load."""


@dataclass(frozen=True)
class Load:
    """What is asked of the platform, and what it may use."""

    shape: str
    users: int = 24
    seconds: float = 60.0
    service_seconds: str = "1,2,3"
    runners: str = "0..4"
    webs: str = "1..3"
    slots: int = 2
    period: float = 2.0
    target_wait: float = 5.0
    hold: float = 8.0
    slow_seconds: float = 0.2

    @property
    def runner_bounds(self) -> Bounds:
        return Bounds.parse(self.runners)


def run(load: Load) -> Measured:
    """From start to silence; nothing is left behind."""
    with (
        tempfile.TemporaryDirectory(prefix="toolyard-load-") as folder,
        _platform(Path(folder), load) as (platform, tool),
    ):
        tokens = [platform.create_user(f"load-{n}@example.org")["token"] for n in range(ACCOUNTS)]
        start = time.time()
        notes = Path(folder) / "requests.jsonl"
        _locust(platform, load, tool, tokens, notes)
        _until_quiet(platform, load)
        return measured.read(
            f"sqlite:///{platform.data}/toolyard.db",
            notes,
            platform.log,
            start=start,
            bounds=load.runner_bounds,
            period=load.period,
        )


@contextlib.contextmanager
def _platform(folder: Path, load: Load) -> Iterator[tuple[Platform, str]]:
    """With the tool whose runs take as long as they are told."""
    limits = {"free": {"running": 1000, "queued": 100_000}}
    with (
        GitServer(folder / "git") as git,
        Platform(
            folder / "platform",
            allow=(git.address,),
            runs_per_minute=1_000_000,
            limits=json.dumps(limits),
            runners=load.runners,
            webs=load.webs,
            runner_slots=load.slots,
            scaling_seconds=load.period,
            scaling_target_wait=load.target_wait,
            scaling_hold=load.hold,
            web_slow_seconds=load.slow_seconds,
            web_warm_up=2 * load.period,
        ) as platform,
    ):
        repository_from_files(git.root, "nap", {"nap.sh": NAP}, executable=["nap.sh"])
        tool = platform.json("add", git.link("nap"), "--wait", "--json")
        yield platform, str(tool["id"])


def _locust(platform: Platform, load: Load, tool: str, tokens: list[str], notes: Path) -> None:
    environ = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "PYTHONPATH": str(ROOT),
        "LOAD_TOKENS": ",".join(tokens),
        "LOAD_TOOL": tool,
        "LOAD_SERVICE_SECONDS": load.service_seconds,
        "LOAD_NOTES": str(notes),
        "LOAD_LASTS": str(load.seconds),
        "LOAD_USERS": str(load.users),
        "LOAD_SHAPE": load.shape,
    }
    said = notes.with_suffix(".log")
    with said.open("wb") as log:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "locust", "--headless", "--only-summary"),
                *("--locustfile", str(ROOT / "load_tests" / "locustfile.py")),
                *("--host", platform.url, "--exit-code-on-error", "0", "--stop-timeout", "5"),
            ],
            cwd=notes.parent,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            timeout=load.seconds + 60,
            check=False,
        )
    if done.returncode or not notes.exists():
        raise RuntimeError("Locust failed:\n" + said.read_text(errors="replace")[-4000:])


def _until_quiet(platform: Platform, load: Load) -> None:
    """Every run has ended, and workers and web have gone in."""
    folder = desired.folder_of(platform.data)
    least = {"runner": load.runner_bounds.least, "web": 1}

    def quiet() -> bool:
        running = desired.read(folder, desired.RUNNING)
        return all(running.get(name, 0) <= count for name, count in least.items())

    platform.wait(quiet, QUIET_SECONDS, "scale-in")
    time.sleep(1.2 * load.period)  # for the sample that says so
