"""A real browser, and a web process of its own for what needs no containers."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from cli.servers import free_port
from shared.control import Control
from shared.db import Transactions
from shared.migrate import migrate
from tests.e2e import steady_chromium

ROOT = Path(__file__).resolve().parents[2]
AXE = Path(__file__).with_name("axe.min.js")
PASSWORD = "a long enough password"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The machine's own browser."""
    if steady_chromium.PATH is None:
        pytest.fail("chromium is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=steady_chromium.__file__, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


Open = Callable[..., Page]


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Open]:
    """Pages whose every console error, exception and policy violation fails the test."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def make(url: str, **options: object) -> Page:
        context = chromium.new_context(base_url=url, accept_downloads=True, **options)  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console",
            lambda message: (
                problems.append(f"{page.url}: {message.text}")
                if message.type in ("error", "warning")
                else None
            ),
        )
        page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
        page.on("dialog", lambda dialog: problems.append(f"{page.url}: dialog {dialog.message}"))
        return page

    make.problems = problems  # type: ignore[attr-defined]
    yield make
    for context in contexts:
        context.close()
    assert problems == []


class LiveWeb:
    """`python -m web` on a folder of its own; it can be ended and started again on the same port."""

    def __init__(self, data: Path, settings: dict[str, str] | None = None) -> None:
        self.data = data
        self.settings = settings or {}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database = self.settings.get("TOOLYARD_DATABASE_URL", f"sqlite:///{data}/toolyard.db")
        migrate(self.database)
        self.transactions = Transactions(self.database)
        self._process: subprocess.Popen[bytes] | None = None
        self._workers: list[Control] = []

    def start(self) -> None:
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment |= {"TOOLYARD_DATA": str(self.data), "TOOLYARD_PORT": str(self.port)}
        environment |= self.settings
        with (self.data / "web.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "web"], env=environment, cwd=ROOT, stdout=log, stderr=log
            )
        for _ in range(300):
            if self._process.poll() is not None:
                break
            try:
                httpx.get(self.url + "/healthz", timeout=2).raise_for_status()
                return
            except httpx.HTTPError:
                time.sleep(0.1)
        pytest.fail("web did not start: " + (self.data / "web.log").read_text()[-3000:])

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def worker(self) -> Control:
        token = (self.data / "secrets" / "worker-token").read_text().strip()
        self._workers.append(Control(self.url, token, "test-host:boot"))
        return self._workers[-1]

    def close(self) -> None:
        for worker in self._workers:
            worker.close()
        self.stop()
        self.transactions.close()


@pytest.fixture(scope="module")
def live_web(
    whole_database: Callable[[], dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveWeb]:
    """Web alone; the test itself is the worker."""
    settings = {f"TOOLYARD_{name.upper()}": value for name, value in whole_database().items()}
    web = LiveWeb(tmp_path_factory.mktemp("live-web"), settings)
    web.start()
    yield web
    web.close()


def sign_up(page: Page, email: str) -> None:
    """A new account, signed in."""
    page.goto("/sign-up")
    page.fill("[name=email]", email)
    page.fill("[name=password]", PASSWORD)
    page.click("main button.primary")
    page.wait_for_url("**/tools")


def violations(page: Page, *, without: tuple[str, ...] = ()) -> list[str]:
    """What axe finds wrong; it is given to the page beside our policy, not through it."""
    session = page.context.new_cdp_session(page)
    session.send("Runtime.evaluate", {"expression": AXE.read_text()})
    rules = {name: {"enabled": False} for name in without}
    expression = (
        f"axe.run(document, {{rules: {str(rules).replace('False', 'false')}}}).then(found => "
        "found.violations.map(v => v.id + ': ' + v.nodes.map(n => n.target.join(' ')).join(', ')))"
    )
    answer = session.send(
        "Runtime.evaluate",
        {"expression": expression, "awaitPromise": True, "returnByValue": True},
    )
    session.detach()
    assert "value" in answer["result"], answer
    return list(answer["result"]["value"])
