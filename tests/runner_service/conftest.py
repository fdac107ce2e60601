"""A worker on fakes: plain processes as containers, web in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.control import Control
from tests.fake_containers import FakeContainers
from tests.runner_service.fake_web import FakeWeb
from tests.runner_service.worker import PlainFolders, Worker


@pytest.fixture
def web() -> Iterator[FakeWeb]:
    web = FakeWeb()
    yield web
    web.close()


@pytest.fixture
def control(web: FakeWeb) -> Iterator[Control]:
    control = Control(web.url, "worker-token", "host:boot", timeout=5)
    yield control
    control.close()


@pytest.fixture
def worker(web: FakeWeb, control: Control, tmp_path: Path) -> Worker:
    return Worker(web, FakeContainers(), tmp_path, PlainFolders(tmp_path / "work"), control)
