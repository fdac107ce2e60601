"""The service around the runs: claims, slots, places, drain."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from runner_service import on_run_requested
from runner_service.app import Runner
from runner_service.one_run import Patience
from runner_service.settings import RunnerSettings
from shared import loop_device
from shared.control import Control
from shared.errors import Reject, Retry
from shared.events import RunRequested
from shared.host import boot_id, host_id, worker_id
from shared.ids import new_id
from shared.place import take_place
from shared.quota import Quotas
from shared.slots import Slots
from shared.work import RunAssignment
from tests.fake_containers import FakeContainers
from tests.fakes import MemoryBus
from tests.runner_service.fake_web import FakeWeb, WebRun
from tests.runner_service.worker import PlainFolders


def requested(run: WebRun) -> RunRequested:
    return RunRequested(event_id=new_id("evt"), at=1, run_id=run.assignment.id)


# --- a message


def handled(web: FakeWeb, control: Control, run: WebRun, slots: Slots) -> list[RunAssignment]:
    begun: list[RunAssignment] = []
    on_run_requested.handle(requested(run), control=control, slots=slots, begin=begun.append)
    return begun


def test_a_claimed_run_begins_in_its_slot(web: FakeWeb, control: Control) -> None:
    slots = Slots(1)
    begun = handled(web, control, web.request(["true"]), slots)
    assert [one.fence for one in begun] == [1]
    assert slots.free() == 0


def test_a_message_for_a_run_that_somebody_has_is_done(web: FakeWeb, control: Control) -> None:
    run = web.request(["true"])
    run.state = "leased"
    slots = Slots(1)
    assert handled(web, control, run, slots) == []
    assert slots.free() == 1


def test_without_a_slot_nothing_is_claimed(web: FakeWeb, control: Control) -> None:
    run = web.request(["true"])
    slots = Slots(1)
    slots.take()
    with pytest.raises(Retry):
        handled(web, control, run, slots)
    assert run.claims == 0


def test_the_message_comes_back_when_web_is_away(web: FakeWeb, control: Control) -> None:
    web.down = True
    slots = Slots(1)
    with pytest.raises(Retry):
        handled(web, control, web.request(["true"]), slots)
    assert slots.free() == 1


def test_a_refused_worker_token_is_no_reason_to_drop_the_message(
    web: FakeWeb, control: Control
) -> None:
    web.refuse_claims = 401
    slots = Slots(1)
    with pytest.raises(Retry):
        handled(web, control, web.request(["true"]), slots)
    web.refuse_claims = 400
    with pytest.raises(Reject):
        handled(web, control, web.request(["true"]), slots)
    assert slots.free() == 1


# --- who and where


def test_a_successor_takes_the_place_of_the_dead(tmp_path: Path) -> None:
    first, second = take_place(tmp_path), take_place(tmp_path)
    assert (first.number, second.number) == (0, 1)
    first.leave()
    third = take_place(tmp_path)
    assert third.number == 0
    for place in (second, third):
        place.leave()


def test_a_host_without_an_id_gets_one_that_stays(tmp_path: Path) -> None:
    missing = tmp_path / "no-machine-id"
    assert host_id(tmp_path, missing) == host_id(tmp_path, missing) != ""
    assert worker_id("h", "b", "runner", 0) != worker_id("h", "b", "runner", 1)


def test_a_half_made_template_of_a_killed_runner_is_taken_away(tmp_path: Path) -> None:
    mounted = tmp_path / "templates" / "tmpabc"
    mounted.mkdir(parents=True)
    (tmp_path / "templates" / ".half").write_text("")
    (tmp_path / "templates" / "1-1.img").write_text("")
    loop_device.mount("tmpfs", mounted, "tmpfs", "size=4096")
    Quotas(tmp_path).tidy()
    assert [p.name for p in (tmp_path / "templates").iterdir()] == ["1-1.img"]
    assert not any(str(tmp_path) in line for line in Path("/proc/mounts").read_text().splitlines())


# --- the whole service


class Service:
    """A runner in a thread of the test."""

    def __init__(
        self, web: FakeWeb, control: Control, folder: Path, unsafe: str = "", **settings: object
    ) -> None:
        self.web = web
        self.bus = MemoryBus()
        self.containers = FakeContainers()
        self.place = take_place(folder / "runner")
        given = RunnerSettings(data=folder, **settings)  # type: ignore[arg-type]
        self.runner = Runner(
            given,
            self.place,
            boot_id(),
            bus=self.bus,
            control=control,
            containers=self.containers,
            work=PlainFolders(folder / "work"),
            patience=Patience(silence=60, stop_grace=1, engine=5),
            own_files=False,
            unsafe=lambda: unsafe,
        )
        self.thread = threading.Thread(target=self.runner.run)
        self.thread.start()

    def request(self, argv: list[str]) -> WebRun:
        run = self.web.request(argv)
        self.bus.publish(requested(run))
        return run

    def close(self) -> None:
        self.runner.stop()
        self.thread.join(30)
        self.place.leave()
        assert not self.thread.is_alive()


@pytest.fixture
def service(web: FakeWeb, control: Control, tmp_path: Path) -> Iterator[Service]:
    service = Service(web, control, tmp_path)
    yield service
    service.close()


def test_requested_programs_run_two_at_a_time(service: Service, web: FakeWeb) -> None:
    runs = [service.request(["/bin/sh", "-c", f"sleep 0.5; exit {n}"]) for n in range(4)]
    most = 0
    until = time.monotonic() + 20
    while any(run.report is None for run in runs) and time.monotonic() < until:
        alive = [c for c in service.containers.list({"kind": "run"}) if c.state == "running"]
        most = max(most, len(alive))
        time.sleep(0.01)
    assert [run.report.exit_code for run in runs if run.report] == [0, 1, 2, 3]
    assert most == 2
    assert service.bus.depth("runner") == 0


def test_the_message_ends_when_the_claim_stands(service: Service, web: FakeWeb) -> None:
    run = service.request(["sleep", "5"])
    web.wait_for(run, "running")
    assert service.bus.depth("runner") == 0
    web.cancel(run)


def test_a_cancel_arrives_at_once(service: Service, web: FakeWeb) -> None:
    run = service.web.request(["sleep", "60"], heartbeat_seconds=30.0)
    service.bus.publish(requested(run))
    web.wait_for(run, "running")
    began = time.monotonic()
    web.cancel(run)
    web.wait(run)
    assert run.report is not None and run.report.state == "cancelled"
    assert time.monotonic() - began < 3


def test_a_drain_claims_nothing_and_waits_for_what_runs(
    web: FakeWeb, control: Control, tmp_path: Path
) -> None:
    service = Service(web, control, tmp_path)
    run = service.request(["sleep", "3"])
    web.wait_for(run, "running")
    service.runner.stop()
    late = service.request(["true"])
    service.thread.join(20)
    assert run.report is not None and run.report.state == "succeeded"
    assert late.claims == 0
    service.close()


def test_a_short_drain_leaves_the_program_to_a_successor(
    web: FakeWeb, control: Control, tmp_path: Path
) -> None:
    service = Service(web, control, tmp_path, runner_drain_seconds=0.1)
    run = service.request(["sleep", "4"])
    web.wait_for(run, "running")
    service.close()
    assert run.report is None and run.releases == []
    assert [s.state for s in service.containers.list({})] == ["running"]
    for one in service.runner.running():  # in reality its process has ended here
        one.direct("lost")


def test_a_short_drain_hands_back_where_no_successor_comes(
    web: FakeWeb, control: Control, tmp_path: Path
) -> None:
    service = Service(web, control, tmp_path, runner_drain_seconds=0.1, runner_leave="released")
    run = service.request(["sleep", "60"])
    web.wait_for(run, "running")
    service.close()
    assert [r["costs_attempt"] for r in run.releases] == [False]
    assert service.containers.list({}) == []


def test_a_nearly_full_disk_claims_nothing(web: FakeWeb, control: Control, tmp_path: Path) -> None:
    with capture_logs() as told:
        service = Service(web, control, tmp_path, runner_disk_full=0.000001)
        run = service.request(["true"])
        time.sleep(1.0)
        assert run.claims == 0
        service.close()
    assert [line["event"] for line in told].count("disk_nearly_full") == 1, "not at each look"


def test_an_unsafe_host_claims_nothing(web: FakeWeb, control: Control, tmp_path: Path) -> None:
    service = Service(web, control, tmp_path, unsafe="seccomp: not there")
    run = service.request(["true"])
    time.sleep(1.0)
    assert run.claims == 0
    service.close()
