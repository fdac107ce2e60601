"""[accept]: how long a run's 201 takes at 20 requests a second, against a bare handler with two rows."""

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from bench.context import Context
from bench.figures import Figure, percentile
from cli.servers import free_port
from shared.db import Transactions
from shared.migrate import migrate
from tests import factories
from web import tokens

RATE = 20
SECONDS = 10
ROUNDS = 5
_QUEUED_EACH = 40
"""Runs that one account may have waiting, with room to spare."""


def measure(context: Context) -> list[Figure]:
    """Rounds alternate, so that both meet the same moods of the machine."""
    ours: list[float] = []
    bare: list[float] = []
    folder = context.scratch / "accept"
    with _web(folder / "ours", "web") as url, _web(folder / "bare", "bench._bare_accept") as floor:
        tool, accounts = _prepare(folder / "ours")
        send_ours, send_bare = _ours(url, tool, accounts), _bare(floor)
        for _ in range(10):  # warm-up
            send_ours()
            send_bare()
        for _ in range(ROUNDS):
            bare.append(percentile(_load(send_bare), 0.99))
            ours.append(percentile(_load(send_ours), 0.99))
    return [
        Figure(
            name="accept",
            ours=statistics.median(ours) * 1000,
            bare=statistics.median(bare) * 1000,
            unit="ms",
            op="<=",
            value=3.0,
            note=f"p99 at {RATE}/s, median of {ROUNDS} rounds of {RATE * SECONDS}",
        )
    ]


def _load(send: Callable[[], None]) -> list[float]:
    """Latencies of an open loop: a slow answer does not delay the next request."""
    latencies: list[float] = []
    lock = threading.Lock()

    def one(due: float) -> None:
        send()
        with lock:
            latencies.append(time.perf_counter() - due)

    with ThreadPoolExecutor(max_workers=32) as pool:
        start = time.perf_counter()
        sent = []
        for n in range(RATE * SECONDS):
            due = start + n / RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            sent.append(pool.submit(one, time.perf_counter()))
        for future in sent:
            future.result()
    return latencies


def _ours(url: str, tool: str, accounts: list[str]) -> Callable[[], None]:
    client = httpx.Client(base_url=url, trust_env=False, timeout=30)
    body = json.dumps({"tool": tool, "line": "-l data.txt"})
    tokens_in_turn = iter(token for token in accounts for _ in range(_QUEUED_EACH))
    lock = threading.Lock()

    def send() -> None:
        with lock:
            token = next(tokens_in_turn)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        answer = client.post("/api/v1/runs", content=body, headers=headers)
        assert answer.status_code == 201, answer.text

    return send


def _bare(url: str) -> Callable[[], None]:
    client = httpx.Client(base_url=url, trust_env=False, timeout=30)
    body = json.dumps({"tool": "x", "line": "-l data.txt"})

    def send() -> None:
        answer = client.post("/", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 201, answer.text

    return send


def _prepare(data: Path) -> tuple[str, list[str]]:
    """A ready tool, and as many accounts as the limits on waiting runs ask for."""
    transactions = Transactions(f"sqlite:///{data}/toolyard.db")
    needed = (RATE * SECONDS * ROUNDS + 20) // _QUEUED_EACH + 1
    secrets = []
    try:
        with transactions.begin() as session:
            tool, _ = factories.ready_tool(session, factories.account(session))
            for _ in range(needed):
                _, secret = tokens.issue(
                    session, factories.account(session).id, name="bench", days=1
                )
                secrets.append(secret)
            return tool.id, secrets
    finally:
        transactions.close()


@contextlib.contextmanager
def _web(data: Path, module: str) -> Iterator[str]:
    """The module as a process with a migrated database of its own; its address."""
    data.mkdir(parents=True)
    migrate(f"sqlite:///{data}/toolyard.db")
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOOLYARD_")}
    environ = {**kept, "TOOLYARD_DATA": str(data), "TOOLYARD_PORT": str(port)}
    with (data / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", module], env=environ, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(url + "/readyz", trust_env=False).status_code == 200:
                    break
            time.sleep(0.1)
        else:
            raise RuntimeError(f"{module} does not answer: {(data / 'log').read_text()}")
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
