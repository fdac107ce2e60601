"""[run-throughput] 200 runs at two slots, against two threads that run the same containers."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import docker
import httpx

from bench import bare
from bench.context import Context, submit
from bench.figures import Figure

RUNS = 200
ACCOUNTS = 5
"""An account may have 50 runs waiting, so several ask."""


def measure(context: Context) -> Iterator[Figure]:
    hello, platform = context.hello, context.platform
    tokens = [platform.create_user(f"throughput-{n}@example.org")["token"] for n in range(ACCOUNTS)]
    started = time.perf_counter()
    with ThreadPoolExecutor(ACCOUNTS) as pool:
        ended = [
            run
            for found in pool.map(lambda t: _runs(platform.http(t), hello.id), tokens)
            for run in found
        ]
    ours = RUNS / (time.perf_counter() - started)
    failed = [run for run in ended if run["state"] != "succeeded"]
    assert len(ended) == RUNS and not failed, failed[:3]

    work = context.scratch / "bare"
    work.mkdir(exist_ok=True)
    work.chmod(0o777)
    engine = docker.APIClient()
    started = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: bare.run_once(engine, hello, work), range(RUNS)))
    alone = RUNS / (time.perf_counter() - started)
    engine.close()
    yield Figure(
        "run-throughput",
        ours=ours,
        bare=alone,
        unit="runs/s",
        op=">=",
        value=0.8,
        note=f"{RUNS} runs, 2 slots",
    )


def _runs(api: httpx.Client, tool: str) -> list[dict[str, Any]]:
    """Ask for this account's share at once, then look until all have ended."""
    with api:
        wanted = {submit(api, tool) for _ in range(RUNS // ACCOUNTS)}
        while True:
            answer = api.get("/api/v1/runs", params={"limit": 200})
            answer.raise_for_status()
            ended = [r for r in answer.json()["items"] if r["id"] in wanted and r["finished_at"]]
            if len(ended) == len(wanted):
                return ended
            time.sleep(0.5)
