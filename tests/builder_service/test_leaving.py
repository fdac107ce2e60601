"""When a builder begins to claim, and when one that is asked to go does go."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder_service import app
from builder_service.app import Builder
from builder_service.settings import BuilderSettings
from builder_service.workshop import Workshop
from shared.containers import Storage
from shared.events import BuildRequested
from shared.work import BuildAssignment
from tests.builder_service.recorded_control import RecordedControl
from tests.fake_containers import FakeContainers
from tests.fakes import MemoryBus


class Build:
    """A build that lasts until it is told to end."""

    def __init__(self, workshop: Workshop, assignment: BuildAssignment) -> None:
        self.id, self.fence = assignment.id, assignment.fence
        self.over = threading.Event()
        self.handed_back = False

    def live(self) -> None:
        self.over.wait(30)

    def hand_back(self) -> None:
        self.handed_back = True
        self.over.set()


class Engine(FakeContainers):
    """With room on its disk."""

    def storage(self) -> Storage:
        return Storage(total=100, used=1)


def assignment() -> BuildAssignment:
    return BuildAssignment(
        id="bld_1", fence=1, attempt="a", token="t", lease_seconds=45, heartbeat_seconds=10,
        account="acc_1", link="https://github.com/a/b",
    )  # fmt: skip


class Running:
    """A builder in a thread of the test; told to end, it would hand its builds back at once."""

    def __init__(self, folder: Path, unsafe: str = "") -> None:
        workshop = Workshop(
            control=RecordedControl(),  # type: ignore[arg-type]
            containers=Engine(),  # type: ignore[arg-type]
            data=folder,
            state=folder / "builder",
            place=folder / "builder" / "0",
        )
        workshop.place.mkdir(parents=True)
        settings = BuilderSettings(data=folder, image_check_seconds=3600)
        self.bus = MemoryBus()
        self.builder = Builder(settings, workshop, self.bus, lambda: unsafe)
        self.thread = threading.Thread(target=self.builder.run, daemon=True)
        self.thread.start()

    def begin(self) -> Build:
        self.builder._slots.take()
        self.builder.begin(assignment())
        build = self.builder.building()[0]
        assert isinstance(build, Build)
        return build

    def has_gone(self, seconds: float = 20) -> bool:
        self.thread.join(seconds)
        return not self.thread.is_alive()


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setattr(app, "OneBuild", Build)
    running = Running(tmp_path)
    yield running
    running.builder.stop()
    assert running.has_gone()


def test_an_unsafe_host_claims_nothing(tmp_path: Path) -> None:
    running = Running(tmp_path, unsafe="seccomp: not there")
    running.bus.publish(BuildRequested(event_id="evt_1", at=1, build_id="bld_1"))
    assert not running.has_gone(0.5)
    assert running.bus.depth("builder") == 1
    running.builder.stop()
    assert running.has_gone()


def test_an_idle_one_goes(running: Running) -> None:
    running.builder.leave_if_idle()

    assert running.has_gone()


def test_a_building_one_stays(running: Running) -> None:
    running.begin()
    running.builder.leave_if_idle()

    assert not running.has_gone(3)


def test_one_that_looks_at_a_repository_stays(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as looking:
        looking.setattr(running.builder._previewer, "is_busy", lambda: True)
        running.builder.leave_if_idle()

        assert not running.has_gone(3)


def test_what_is_claimed_at_this_moment_is_built_to_its_end(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = running.begin()
    with monkeypatch.context() as looked_before:
        looked_before.setattr(running.builder, "building", lambda: [])
        running.builder.leave_if_idle()
    assert not running.has_gone(4)

    build.over.set()

    assert running.has_gone()
    assert not build.handed_back
