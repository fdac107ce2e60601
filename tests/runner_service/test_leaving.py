"""A runner that is asked to go goes only when it has nothing to do (`shared/retire.py`)."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.control import Control
from tests.runner_service.fake_web import FakeWeb
from tests.runner_service.test_app import Service


@pytest.fixture
def service(web: FakeWeb, control: Control, tmp_path: Path) -> Iterator[Service]:
    """Told to end, it would leave its runs at once."""
    service = Service(web, control, tmp_path, runner_drain_seconds=0.0)
    yield service
    service.close()


def test_an_idle_one_goes(service: Service) -> None:
    service.runner.leave_if_idle()

    service.thread.join(10)
    assert not service.thread.is_alive()


def test_a_busy_one_stays_and_works_on(service: Service, web: FakeWeb) -> None:
    run = service.request(["sleep", "1"])
    web.wait_for(run, "running")

    service.runner.leave_if_idle()
    web.wait(run)
    later = service.request(["true"])
    web.wait(later)

    assert service.thread.is_alive()
    assert later.report is not None and later.report.state == "succeeded"


def test_what_is_claimed_at_this_moment_is_lived_to_its_end(
    service: Service, web: FakeWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the stop a run has come: it is waited for, however long it takes."""
    run = service.request(["sleep", "2"])
    web.wait_for(run, "running")
    with monkeypatch.context() as looked_before:
        looked_before.setattr(service.runner, "running", lambda: [])
        service.runner.leave_if_idle()

    service.thread.join(20)

    assert not service.thread.is_alive()
    assert run.report is not None and run.report.state == "succeeded"
    assert run.releases == []


def test_told_to_end_it_waits_no_longer(web: FakeWeb, control: Control, tmp_path: Path) -> None:
    service = Service(web, control, tmp_path, runner_drain_seconds=0.0)
    run = service.request(["sleep", "30"])
    web.wait_for(run, "running")
    service.runner._retiring.set()
    began = time.monotonic()

    service.close()

    assert run.report is None
    assert time.monotonic() - began < 15
    for one in service.runner.running():  # in reality its process has ended here
        one.direct("lost")
