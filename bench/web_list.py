"""[web-list]: requests a second of the page that lists one's runs, against a bare page of the same rows.

Both run under web's own server on copies of one database; the bare page asks nobody who is there,
has one query of just the columns that it shows, and a template without links but those of the rows.
"""

import contextlib
import http.client
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench._bare_list import ROWS
from bench.context import Context
from bench.figures import Figure
from cli.servers import free_port
from shared.db import Transactions
from shared.migrate import migrate
from shared.schema.runs import Output
from tests import factories
from web import tokens

RUNS = 400
CALLERS = 4
SECONDS = 3.0
ROUNDS = 5


def measure(context: Context) -> list[Figure]:
    """Rounds alternate, so that both meet the same moods of the machine."""
    folder = context.scratch / "web-list"
    token = _prepare(folder / "ours")
    (folder / "bare").mkdir()
    shutil.copyfile(folder / "ours/toolyard.db", folder / "bare/toolyard.db")
    asked = {"Authorization": f"Bearer {token}", "Accept": "text/html"}
    ours: list[float] = []
    bare: list[float] = []
    with (
        _served(folder / "ours", "web") as web,
        _served(folder / "bare", "bench._bare_list") as floor,
    ):
        _same_rows(_page(web, asked), _page(floor, {}))
        for _ in range(ROUNDS + 1):  # the first warms up
            bare.append(_rate(floor, {}))
            ours.append(_rate(web, asked))
    return [
        Figure(
            name="web-list",
            ours=statistics.median(ours[1:]),
            bare=statistics.median(bare[1:]),
            unit="req/s",
            op=">=",
            value=0.5,
            note=f"{ROWS} of {RUNS} runs a page, {CALLERS} callers, median of {ROUNDS} rounds",
        )
    ]


def _prepare(data: Path) -> str:
    """An account with many runs of a few tools, and its token."""
    data.mkdir(parents=True)
    url = f"sqlite:///{data}/toolyard.db"
    migrate(url)
    transactions = Transactions(url)
    try:
        with transactions.begin() as session:
            me = factories.account(session, "me@example.org")
            versions = [factories.ready_tool(session, me, f"tool-{n}")[1] for n in range(5)]
            for n in range(RUNS):
                run = factories.run(session, me, versions[n % 5], state="succeeded")
                run.argv = ["--threads", str(n), "-o", "result.txt", f"input-{n}.fasta"]
                run.command, run.seconds, run.exit_code = "wc", 1.5 + n / 100, 0
                run.started_at = run.finished_at = run.created_at = run.created_at + n
                for number in range(2):
                    session.add(
                        Output(
                            run_id=run.id,
                            n=number,
                            path=f"out-{number}",
                            size=1000 + n,
                            sha256="0",
                            key=f"runs/{run.id}/a/{number}",
                        )
                    )
            return tokens.issue(session, me.id, name="bench", days=1)[1]
    finally:
        transactions.close()


def _same_rows(ours: str, bare: str) -> None:
    """Both pages show the same runs in the same order, with their arguments."""
    found = [
        list(dict.fromkeys(re.findall(r'href="/runs/(run_\w+)"', page))) for page in (ours, bare)
    ]
    assert len(found[1]) == ROWS and found[0] == found[1], "the pages list other runs"
    for page in (ours, bare):
        assert page.count("result.txt") >= ROWS, "a page does not show the command lines"


def _page(port: int, headers: Mapping[str, str]) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        return _get(connection, headers).decode()
    finally:
        connection.close()


def _get(connection: http.client.HTTPConnection, headers: Mapping[str, str]) -> bytes:
    connection.request("GET", "/runs", headers=dict(headers))
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, body[:500]
    return body


def _rate(port: int, headers: Mapping[str, str]) -> float:
    """Pages a second, asked by a few callers without a pause."""
    counts: list[int] = []
    end = time.perf_counter() + SECONDS

    def call() -> None:
        connection, count = http.client.HTTPConnection("127.0.0.1", port, timeout=30), 0
        while time.perf_counter() < end:
            _get(connection, headers)
            count += 1
        connection.close()
        counts.append(count)

    callers = [threading.Thread(target=call) for _ in range(CALLERS)]
    began = time.perf_counter()
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(counts) == CALLERS, "a caller was refused"
    return sum(counts) / (time.perf_counter() - began)


@contextlib.contextmanager
def _served(data: Path, module: str) -> Iterator[int]:
    """The module as a process on the database in its folder; its port."""
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOOLYARD_")}
    environ = {**kept, "TOOLYARD_DATA": str(data), "TOOLYARD_PORT": str(port)}
    with (data / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", module], env=environ, stderr=log)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", "/readyz")
                ready = connection.getresponse().status == 200
                connection.close()
                if ready:
                    break
            time.sleep(0.1)
        else:
            raise RuntimeError(f"{module} does not answer: {(data / 'log').read_text()}")
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
