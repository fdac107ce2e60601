"""[aws-calls] Calls of AWS's API per run on the run path, as a proxy before the emulator sees them.

Counted is everything that SNS, SQS and S3 are asked between the submit and the end of all that
follows from it (archiver and notifier have taken the finish), by every process and by signed URLs
too. Told apart, because they belong to no run: long polls that brought nothing, and web's own look
whether the store takes bytes.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from bench._aws_counter import Calls, counting
from bench.context import Context
from bench.figures import Figure
from tests import emulators
from tests.emulators import AWS_ENVIRONMENT
from tests.git_server import repository_from_files
from tests.platform import Platform

RUNS = 10
_BAR = 12
_QUIET_SECONDS = 6.0
_ENDED = {"succeeded", "failed", "timed_out", "cancelled", "lost"}
SHOUT = """#!/bin/sh
# Usage: shout FILE, or shout --line
case "$1" in
--line) echo LOUD ;;
--*) sed -n '2s/^# //p' "$0" ;;
*) tr a-z A-Z <"$1" | tee loud.txt ;;
esac
"""


def measure(context: Context) -> Iterator[Figure]:
    """One figure: calls per run."""
    folder = context.scratch / "aws-calls"
    folder.mkdir()
    emulated = context.stack.enter_context(emulators.ministack(folder, "sns,sqs,s3,iam,sts"))
    address, calls = context.stack.enter_context(counting(urlsplit(emulated).port or 80))
    repository_from_files(context.git.root, "shout", {"shout.sh": SHOUT}, executable=["shout.sh"])
    platform = Platform(
        folder / "platform",
        allow=(context.git.address,),
        environ={**AWS_ENVIRONMENT, "AWS_ENDPOINT_URL": address},
        bus_url="sns-sqs://bench",
        objects_url="s3://bench-objects",
        runs_per_minute=1_000_000,
        sign_up="true",
    )
    with platform, platform.http() as api:
        tool = platform.json("add", context.git.link("shout"), "--wait", "--json")["id"]
        file = _uploaded(api)
        line = _counted(api, calls, tool, [], ["--line"])
        files = _counted(api, calls, tool, [file], ["in.txt"])
    yield Figure(
        "aws-calls",
        line.each,
        "calls",
        "<=",
        _BAR,
        note=f"a run that prints a line, {RUNS} one after the other: {line.kinds}. "
        f"With a file in and a file out {files.each:.3g}: {files.kinds}. "
        f"Apart from that, a minute: {line.empty:.0f} empty polls of all queues, "
        f"{line.health:.0f} looks at the store's health",
    )


@dataclass(frozen=True)
class _Counted:
    each: float
    """Calls per run."""
    kinds: str
    empty: float
    """A minute, as what follows."""
    health: float


def _counted(
    api: httpx.Client, calls: Calls, tool: str, files: list[dict[str, str]], argv: list[str]
) -> _Counted:
    _runs(api, tool, files, argv, 1)  # addresses of topics and queues are asked for once
    _settle(calls)
    calls.reset()
    began = time.monotonic()
    _runs(api, tool, files, argv, RUNS)
    _settle(calls)
    minutes = (time.monotonic() - began) / 60
    health = {kind: n for kind, n in calls.useful.items() if kind.endswith(" health")}
    kinds = {kind: n for kind, n in calls.useful.items() if kind not in health}
    each = ", ".join(f"{n / RUNS:.2g} {kind}" for kind, n in sorted(kinds.items()))
    total = sum(kinds.values()) / RUNS
    return _Counted(total, each, calls.empty / minutes, sum(health.values()) / minutes)


def _uploaded(api: httpx.Client) -> dict[str, str]:
    """An upload belongs to no run: many may use it."""
    answer = api.post("/api/v1/files", params={"name": "in.txt"}, content=b"hello\n")
    answer.raise_for_status()
    return {"file_id": answer.json()["id"], "name": "in.txt"}


def _runs(
    api: httpx.Client, tool: str, files: list[dict[str, str]], argv: list[str], count: int
) -> None:
    for _ in range(count):
        body = {"tool": tool, "argv": argv, "inputs": files}
        asked = api.post("/api/v1/runs", json=body)
        asked.raise_for_status()
        path = f"/api/v1/runs/{asked.json()['id']}"
        while (run := api.get(path).json())["state"] not in _ENDED:
            time.sleep(0.1)  # the state only: reading the log is a reader's, and no run's
        assert run["state"] == "succeeded", run


def _settle(calls: Calls) -> None:
    """Until nothing more follows."""
    before, since = -1, time.monotonic()
    end = since + 30
    while time.monotonic() - since < _QUIET_SECONDS and time.monotonic() < end:
        now = sum(calls.useful.values())
        if now != before:
            before, since = now, time.monotonic()
        time.sleep(0.2)
