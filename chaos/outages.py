"""Each part of the platform away for a while, in turn, under load: nothing that runs is stopped, nothing is lost.

The platform is the real one, on PostgreSQL and SNS/SQS, so that every part can be taken away. A process is
kept away by killing it whenever it comes back, a server by a gate that refuses its connections.
"""

import argparse
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.gate import Gate
from tests.git_server import GitServer, repository_from_files
from tests.platform import Platform

SECONDS = "CHAOS_OUTAGE_SECONDS"

TICKER = """\
#!/bin/sh
# Prints COUNT numbered lines, PAUSE seconds apart, and leaves a file.
i=1
while [ "$i" -le "$1" ]; do echo "line $i"; i=$((i + 1)); sleep "$2"; done
echo "$1" > count.txt
"""


def lines(count: int) -> bytes:
    """What `TICKER` prints."""
    return "".join(f"line {i}\n" for i in range(1, count + 1)).encode()


@dataclass
class Load:
    """Runs asked for one after the other, whatever is away; a request is repeated until it is accepted."""

    platform: Platform
    tool: str
    token: str
    pause: float = 2.0
    accepted: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Load":
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join()

    def _ask(self) -> None:
        with self.platform.http(self.token) as api:
            while not self._stop.wait(self.pause):
                run = ask(api, self.tool, ["3", "0.2"], self._stop)
                if run is not None:
                    self.accepted.append(run)


def ask(
    api: httpx.Client, tool: str, argv: list[str], stop: threading.Event, seconds: int = 600
) -> str | None:
    """Ask for a run until somebody accepts it; None when told to stop before."""
    key = secrets.token_hex(16)
    while not stop.is_set():
        with contextlib.suppress(httpx.TransportError):
            answer = api.post(
                "/api/v1/runs",
                json={"tool": tool, "argv": argv, "timeout": seconds},
                headers={"Idempotency-Key": key},
                timeout=15,
            )
            if answer.status_code == 201:
                return str(answer.json()["id"])
            if answer.status_code not in (429, 500, 502, 503, 504):
                raise AssertionError(f"a run was refused: {answer.status_code} {answer.text}")
        stop.wait(0.5)
    return None


@contextlib.contextmanager
def kept_away(platform: Platform, name: str) -> Iterator[None]:
    """The process `name` dies whenever its supervisor has started it again."""
    stop = threading.Event()

    def kill() -> None:
        while True:
            with contextlib.suppress(LookupError, ProcessLookupError):
                os.kill(platform.pid(name), signal.SIGKILL)
            if stop.wait(0.02):
                return

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextlib.contextmanager
def shut(gate: Gate) -> Iterator[None]:
    """The server behind the gate is away."""
    gate.shut()
    try:
        yield
    finally:
        gate.open()


def outage(
    platform: Platform,
    git: GitServer,
    ticker: str,
    away: contextlib.AbstractContextManager[None],
    seconds: float,
    say: Callable[[str], None] = lambda line: None,
) -> list[str]:
    """One part away for `seconds`; every promise that was broken, as a sentence."""
    accounts = [platform.create_user(f"{secrets.token_hex(6)}@example.org") for _ in range(2)]
    platform.cli("admin", "set-plan", accounts[0]["email"], "premium", token="")
    ticks = int(seconds) + 10
    with platform.http(accounts[0]["token"]) as api:
        # On a free plan a run of ten minutes ends before an outage of ten minutes does.
        long_run = ask(api, ticker, [str(ticks), "1"], threading.Event(), 2 * ticks)
        assert long_run is not None
        _until(lambda: _get(api, f"/runs/{long_run}")["state"] == "running", 60, "the long run")
        with Load(platform, ticker, accounts[1]["token"]) as load:
            time.sleep(3)
            with away:
                build = _new_build(platform, git, accounts[0]["token"])
                time.sleep(seconds)
            say("it is back")
            time.sleep(3)
            asked = build()
        wrong = _judge(platform, accounts, load, long_run, ticks, asked)
    say(f"{len(load.accepted)} runs accepted under load")
    return wrong


def _new_build(platform: Platform, git: GitServer, token: str) -> Callable[[], str]:
    """Ask for a build in the background, as somebody does while a part is away; gives the tool's id."""
    name = f"new-{secrets.token_hex(4)}"
    text = f"#!/bin/sh\n# usage: {name} WORD\necho {name} $1\n"
    repository_from_files(git.root, name, {f"{name}.sh": text}, executable=[f"{name}.sh"])
    found: list[str] = []

    def add() -> None:
        with platform.http(token) as api:
            key = secrets.token_hex(16)
            while not found:
                with contextlib.suppress(httpx.TransportError):
                    answer = api.post(
                        "/api/v1/tools",
                        json={"link": git.link(name)},
                        headers={"Idempotency-Key": key},
                        timeout=15,
                    )
                    if answer.status_code == 201:
                        found.append(answer.json()["id"])
                    elif answer.status_code < 500 and answer.status_code != 429:
                        raise AssertionError(f"a tool was refused: {answer.text}")
                time.sleep(0.5)

    thread = threading.Thread(target=add)
    thread.start()

    def wait() -> str:
        thread.join(60)
        if not found:
            raise AssertionError("a tool was not accepted within a minute after the outage")
        return found[0]

    return wait


def _judge(
    platform: Platform,
    accounts: list[dict[str, str]],
    load: Load,
    long_run: str,
    ticks: int,
    tool: str,
) -> list[str]:
    wrong = []
    with (
        platform.http(accounts[0]["token"]) as owner,
        platform.http(accounts[1]["token"]) as other,
    ):
        wrong += _run_is_wrong(owner, long_run, lines(ticks), ticks + 120)
        # An attempt that ended before its program started has stopped nothing.
        if len(attempts := _attempts_that_ran(owner, long_run)) != 1:
            wrong.append(f"the long run's program ran in the attempts {sorted(attempts)}")
        for run in load.accepted:
            wrong += _run_is_wrong(other, run, lines(3), 180)
        try:
            _until(lambda: _get(owner, f"/tools/{tool}")["newest_state"] == "ready", 180, "a build")
        except AssertionError:
            wrong.append(f"the build ended as {_get(owner, f'/tools/{tool}')['newest_state']}")
    letters = json.loads(platform.cli("bus", "dead-letters", "--json").stdout)
    wrong += [f"dead letter: {letter}" for letter in letters]
    return wrong


def _run_is_wrong(api: httpx.Client, run: str, stdout: bytes, seconds: float) -> list[str]:
    try:
        _until(lambda: _get(api, f"/runs/{run}")["finished_at"] is not None, seconds, run)
    except AssertionError:
        return [f"{run} never ended, it is {_get(api, f'/runs/{run}')['state']}"]
    found = _get(api, f"/runs/{run}")
    if found["state"] != "succeeded":
        return [f"{run} is {found['state']}: {found['reason']}"]
    written = api.get(f"/api/v1/runs/{run}/logs/stdout").content
    if written != stdout:
        return [f"{run} has {len(written)} bytes of output, not {len(stdout)}"]
    if [output["path"] for output in found["outputs"]] != ["count.txt"]:
        return [f"{run} lost its file: {found['outputs']}"]
    return []


def _attempts_that_ran(api: httpx.Client, run: str) -> set[int]:
    """The fences under which a finished run's program was running."""
    fences, phase = set(), False
    with api.stream("GET", f"/api/v1/runs/{run}/events") as stream:
        for line in stream.iter_lines():
            if line.startswith("event:"):
                phase = line == "event: phase"
            elif phase and line.startswith("data:"):
                data = json.loads(line.removeprefix("data:"))
                if data["phase"] == "running":
                    fences.add(data["fence"])
    return fences


def _get(api: httpx.Client, path: str) -> Any:
    """The JSON at a path, however long web needs to come back."""
    end = time.monotonic() + 90
    while True:
        with contextlib.suppress(httpx.TransportError):
            answer = api.get(f"/api/v1{path}", timeout=15)
            if answer.status_code == 200:
                return answer.json()
        assert time.monotonic() < end, f"{path} cannot be read"
        time.sleep(0.5)


def _until(true: Callable[[], bool], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what} did not get there in {seconds:g} s"
        time.sleep(0.5)


def main(arguments: list[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """The tests of this name with outages of ten minutes, on two platforms side by side."""
    parser = argparse.ArgumentParser(prog="chaos.outages", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    seconds = parser.parse_args(arguments).seconds
    together = ["-n", "2", "--dist", "loadfile", "-rA"]
    command = [sys.executable, "-m", "pytest", "-q", *together, "tests/faults"]
    return subprocess.run(command, env={**environ, SECONDS: str(seconds)}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
