"""[run-throughput] 200 runs at two slots, against two threads that run the same containers."""

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import docker
import httpx

from bench import bare
from bench.context import Context, Hello, submit
from bench.figures import Figure
from tests.platform import Platform

RUNS = 200
ROUNDS = 3
ACCOUNTS = 5
"""An account may have 50 runs waiting, so several ask."""
LOOK_SECONDS = 5.0
"""Between two looks, at one account after the other. They count as the platform's work, so they are few:
when the last run ended is told by the runs themselves."""


def measure(context: Context) -> Iterator[Figure]:
    platform, hello = context.platform, context.hello
    tokens = [platform.create_user(f"throughput-{n}@example.org")["token"] for n in range(ACCOUNTS)]
    ours, alone = [], []
    for _ in range(ROUNDS):  # in turn, so that a slow minute of the machine slows both
        ours.append(_platform(platform, hello, tokens))
        alone.append(_bare(hello, context.scratch / "bare"))
    yield Figure(
        "run-throughput",
        ours=statistics.median(ours),
        bare=statistics.median(alone),
        unit="runs/s",
        op=">=",
        value=0.8,
        note=f"{RUNS} runs, 2 slots, medians of {ROUNDS}",
    )


def _platform(platform: Platform, hello: Hello, tokens: list[str]) -> float:
    """Runs a second, from the first request to the end of the last run."""
    started = time.time()
    with ThreadPoolExecutor(ACCOUNTS) as pool:
        wanted = list(pool.map(lambda token: _ask(platform.http(token), hello.id), tokens))
    ended = [
        run
        for token, share in zip(tokens, wanted, strict=True)
        for run in _ended(platform.http(token), share)
    ]
    failed = [run for run in ended if run["state"] != "succeeded"]
    assert len(ended) == RUNS and not failed, failed[:3]
    last: int = max(run["finished_at"] for run in ended)
    return RUNS / (last / 1000 - started)


def _bare(hello: Hello, work: Path) -> float:
    """Runs a second of two threads that do nothing else."""
    work.mkdir(exist_ok=True)
    work.chmod(0o777)
    engine = docker.APIClient()
    started = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: bare.run_once(engine, hello, work), range(RUNS)))
    alone = RUNS / (time.perf_counter() - started)
    engine.close()
    return alone


def _ask(api: httpx.Client, tool: str) -> set[str]:
    """The ids of this account's share of the runs."""
    with api:
        return {submit(api, tool) for _ in range(RUNS // ACCOUNTS)}


def _ended(api: httpx.Client, wanted: set[str]) -> list[dict[str, Any]]:
    """The runs of one account, once all have ended."""
    with api:
        for state in ("queued", "leased", "running", "finalizing"):
            while _page(api, state=state, limit=1):
                time.sleep(LOOK_SECONDS)
        while True:  # an attempt that was lost has gone back in the meantime
            ended = [r for r in _page(api, limit=200) if r["id"] in wanted and r["finished_at"]]
            if len(ended) == len(wanted):
                return ended
            time.sleep(LOOK_SECONDS)


def _page(api: httpx.Client, **query: str | int) -> list[dict[str, Any]]:
    answer = api.get("/api/v1/runs", params=query)
    answer.raise_for_status()
    items: list[dict[str, Any]] = answer.json()["items"]
    return items
