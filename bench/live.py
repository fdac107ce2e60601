"""[live] From a tool's write to a reader's ear, and a hundred torn connections without a lost byte."""

import base64
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

from bench.context import Context, finished
from bench.figures import Figure, percentile
from tests.git_server import repository_from_files

LINES = 200
CONNECTIONS = 100
TICKER = """#!/bin/sh
# Usage: ticker lines LINES | ticker flood BLOCKS
case "$1" in
lines) n=0; while [ $n -lt "$2" ]; do date +%s%N; sleep 0.05; n=$((n+1)); done ;;
flood) n=0; while [ $n -lt "$2" ]; do head -c 30000 /dev/urandom; sleep 0.1; n=$((n+1)); done ;;
*) sed -n '2s/^# //p' "$0" ;;
esac
"""


@dataclass
class Reader:
    """What has come so far, and where to go on."""

    last: str = ""
    got: bytearray = field(default_factory=bytearray)
    ended: bool = False
    waits: list[float] = field(default_factory=list)


def measure(context: Context) -> Iterator[Figure]:
    repository_from_files(
        context.git.root, "ticker", {"ticker.sh": TICKER}, executable=["ticker.sh"]
    )
    tool = context.platform.json("add", context.git.link("ticker"), "--wait", "--json")["id"]
    with context.platform.http() as api:
        reader = Reader()
        _read(api, _start(api, tool, "lines", LINES), reader, None)
        assert len(reader.waits) == LINES, f"{len(reader.waits)} of {LINES} lines came"
        yield Figure(
            "live",
            percentile(reader.waits, 0.95),
            "s",
            "<=",
            1.0,
            note=f"a line's way to a reader, p95 of {LINES}; p50 "
            f"{percentile(reader.waits, 0.5) * 1000:.0f} ms",
        )
        lost, connections, size = _torn(api, _start(api, tool, "flood", 60))
        yield Figure(
            "live",
            lost,
            "bytes lost",
            "<=",
            0,
            note=f"{size:,} bytes over {connections} connections cut at random offsets",
        )


def _start(api: httpx.Client, tool: str, what: str, n: int) -> str:
    answer = api.post("/api/v1/runs", json={"tool": tool, "argv": [what, str(n)]})
    answer.raise_for_status()
    return str(answer.json()["id"])


def _torn(api: httpx.Client, run: str) -> tuple[int, int, int]:
    """Bytes that a reader of torn connections missed, the connections, and the bytes there were."""
    dice = random.Random(11)
    reader, connections = Reader(), 0
    while not reader.ended or connections < CONNECTIONS:
        if reader.ended:  # the log is an object now: tear connections to that, too
            cut = dice.randrange(len(reader.got))
            fence = reader.last.partition(":")[0]
            reader = Reader(last=f"{fence}:{cut}:0", got=reader.got[:cut])
        connections += 1
        _read(api, run, reader, dice.randrange(100, 200_000))
    finished(api, run)
    whole, ended = bytearray(), False
    while not ended:
        part = api.get(f"/api/v1/runs/{run}/logs/stdout", params={"offset": len(whole)})
        whole += part.content
        ended = part.headers["X-Ended"] == "true"
    wrong = sum(a != b for a, b in zip(whole, reader.got, strict=False))
    return abs(len(whole) - len(reader.got)) + wrong, connections, len(whole)


def _read(api: httpx.Client, run: str, reader: Reader, budget: int | None) -> None:
    """Follow until the end, or until the connection is cut after `budget` bytes."""
    headers = {"Last-Event-ID": reader.last} if reader.last else {}
    text = ""
    with api.stream("GET", f"/api/v1/runs/{run}/events", headers=headers, timeout=60) as answer:
        answer.raise_for_status()
        for piece in answer.iter_text():
            if budget is not None:
                piece = piece[: max(0, budget)]
                budget -= len(piece)
            text += piece
            *whole, text = text.split("\n\n")
            for block in whole:
                _take(block, reader)
            if reader.ended or (budget is not None and budget <= 0):
                return


def _take(block: str, reader: Reader) -> None:
    fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
    reader.last = fields.get("id", reader.last)
    reader.ended = reader.ended or fields.get("event") == "end"
    if fields.get("event") == "restart":
        reader.got.clear()
    if fields.get("event") != "log":
        return
    chunk = json.loads(fields["data"])
    if chunk["stream"] == "stdout" and chunk["offset"] == len(reader.got):
        data = base64.b64decode(chunk["data"])
        reader.got += data
        now = time.time_ns()
        stamps = [line for line in data.split(b"\n") if line.isdigit() and len(line) == 19]
        reader.waits += [(now - int(stamp)) / 1e9 for stamp in stamps]
