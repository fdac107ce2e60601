"""What users do, for Locust: `python -m load_tests` starts it as a process of its own and sets its variables.

Locust patches the standard library for gevent, so nothing else is imported here.
"""

import itertools
import json
import os
import random
import time
from pathlib import Path
from typing import Any

from locust import FastHttpUser, LoadTestShape, between, events, task

from load_tests import shapes

TOKENS = itertools.cycle(os.environ["LOAD_TOKENS"].split(","))
TOOL = os.environ["LOAD_TOOL"]
SERVICE_SECONDS = [float(part) for part in os.environ["LOAD_SERVICE_SECONDS"].split(",")]
NOTES = Path(os.environ["LOAD_NOTES"])
LASTS = float(os.environ["LOAD_LASTS"])
MOST = int(os.environ["LOAD_USERS"])
SHAPE = os.environ["LOAD_SHAPE"]
_PAYLOAD = 200_000
_notes: list[list[object]] = []


class Shape(LoadTestShape):
    """One of `load_tests.shapes`."""

    use_common_options = False

    def tick(self) -> tuple[int, float] | None:
        wanted = shapes.users(SHAPE, self.get_run_time(), LASTS, MOST)  # type: ignore[no-untyped-call]
        return None if wanted is None else (wanted, float(MOST))


class Someone(FastHttpUser):
    """A person or program with a token."""

    abstract = True
    wait_time = between(0.3, 1.2)

    def on_start(self) -> None:
        self.token = {"Authorization": f"Bearer {next(TOKENS)}"}

    def ask(self, method: str, path: str, name: str, **kwargs: Any) -> Any:
        with self.rest(method, path, name=name, headers=self.token, **kwargs) as answer:
            return answer.js


class Visitor(Someone):
    """Looks at pages without signing in."""

    weight = 3

    @task(3)
    def tools(self) -> None:
        self.client.get("/tools", name="page: tools")

    @task(2)
    def tool(self) -> None:
        self.client.get(f"/tools/{TOOL}", name="page: tool")

    @task(1)
    def landing(self) -> None:
        self.client.get("/", name="page: start")


class RunsTools(Someone):
    """Asks for a run that takes a chosen time, and looks until it has ended."""

    weight = 4

    @task
    def run_the_tool(self) -> None:
        seconds = random.choice(SERVICE_SECONDS)
        body = {"tool": TOOL, "argv": [f"{seconds:g}"]}
        made = self.ask("POST", "/api/v1/runs", "api: ask for a run", json=body)
        while made and made.get("id") and not made.get("finished_at"):
            time.sleep(0.7)
            made = self.ask("GET", f"/api/v1/runs/{made['id']}", "api: look at a run")


class Uploader(Someone):
    """Sends files."""

    weight = 1

    @task
    def upload(self) -> None:
        with self.client.post(
            "/api/v1/files?name=data.bin",
            data=random.randbytes(_PAYLOAD),  # type: ignore[arg-type]
            headers={**self.token, "Content-Type": "application/octet-stream"},
            name="api: upload",
            catch_response=True,
        ):
            pass


class ApiClient(Someone):
    """A program that lists and reads."""

    weight = 2

    @task(2)
    def runs(self) -> None:
        self.ask("GET", "/api/v1/runs?limit=50", "api: list runs")

    @task(1)
    def tools(self) -> None:
        self.ask("GET", "/api/v1/tools?limit=50", "api: list tools")


@events.request.add_listener  # type: ignore[untyped-decorator]
def note(name: str, response_time: float, exception: Exception | None, **_: object) -> None:
    """One line of the report's data; the number of users is beside it."""
    _notes.append([time.time(), name, round(response_time, 1), exception is None, _users()])


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def keep(**_: object) -> None:
    NOTES.write_text("".join(json.dumps(one) + "\n" for one in _notes))


_environment: list[Any] = []


@events.init.add_listener  # type: ignore[untyped-decorator]
def remember(environment: Any, **_: object) -> None:
    _environment.append(environment)


def _users() -> int:
    runner = _environment[0].runner if _environment else None
    return int(runner.user_count) if runner else 0
