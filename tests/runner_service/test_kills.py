"""The runner as a process that is killed, beside web's real worker API and the real engine."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.real_web import RealWeb
from chaos.runner_kills import ENDED, PROGRAM, Outcome, expected, series
from chaos.runner_process import Host, RunnerProcess, Starts
from runner_service.adapters import open_containers, open_work
from runner_service.overdue import DEADLINE_GRACE, overdue
from runner_service.record import Record
from runner_service.sweep import sweep
from shared.host import boot_id, boot_seconds
from shared.work import Limits, Manifest
from tests.runner_service.real import base_image
from web.leases import LeaseTimes

pytestmark = [pytest.mark.docker, pytest.mark.slow]

LIMITS = Limits(memory_bytes=64 << 20, disk_bytes=8 << 20, output_files=50, pids=32)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    return base_image(tmp_path_factory.mktemp("base"))


class Place:
    """One installation with a runner; its program prints lines at a pace."""

    def __init__(self, folder: Path, image: str, times: LeaseTimes, **settings: object) -> None:
        self.web = RealWeb(folder, image, ["perl", "-e", PROGRAM, "--"], times=times, limits=LIMITS)
        self.runner = RunnerProcess(self.web, slots=2, **settings)
        self.starts = Starts(folder)

    def request(self, lines: int, pause: float, seconds: int | None = None) -> str:
        return self.web.request(["1", str(lines), str(pause)], {"in": b"input"}, seconds=seconds)

    def ended(self, run_id: str, seconds: float = 60.0) -> str:
        return self.web.wait(run_id, ENDED, seconds).state

    def check_whole(self, run_id: str, lines: int) -> None:
        """Everything that the program wrote is stored, and nothing is left on the host."""
        manifest = Manifest.model_validate(self.web.run(run_id).manifest)
        assert manifest.skipped == []
        assert [o.path for o in manifest.outputs] == ["out.1"]
        keys = [manifest.stdout.key, manifest.stderr.key, manifest.outputs[0].key]
        assert tuple(self.web.object(key) for key in keys if key) == expected(1, lines)
        assert self.web.terminal_events(run_id) == 1
        self.check_clean()

    def check_clean(self) -> None:
        host = Host(self.web.data)
        try:
            until = time.monotonic() + 10
            while host.left_over() and time.monotonic() < until:
                time.sleep(0.1)
            assert host.left_over() == {}
        finally:
            host.close()

    def close(self) -> None:
        self.starts.close()
        self.runner.sweep()
        self.web.close()


Make = Callable[..., Place]


@pytest.fixture
def make(tmp_path: Path, image: str) -> Iterator[Make]:
    made: list[Place] = []

    def place(*, lease: float = 45.0, beat: float = 2.0, **settings: object) -> Place:
        times = LeaseTimes(lease_seconds=lease, heartbeat_seconds=beat)
        made.append(Place(tmp_path / "data", image, times, **settings))
        return made[-1]

    yield place
    for one in made:
        one.close()


STEPS = [
    "runner.before_staging",
    "runner.after_staging",
    "runner.before_container_create",
    "runner.after_container_create",
    "runner.before_container_start",
    "runner.after_container_start",
    "runner.after_exit",
    "runner.after_upload",
    "runner.before_finish",
    "runner.after_finish",
    "runner.before_cleanup",
    "runner.after_container_remove",
]


@pytest.mark.parametrize("steps", [STEPS[0::2], STEPS[1::2]], ids=["even", "odd"])
def test_killed_at_each_step_a_successor_goes_on(make: Make, steps: list[str]) -> None:
    """The first runner dies at the first step, its successor at the second, and so on."""
    place = make()
    run_id = place.request(5, 0.05)
    for step in steps:
        place.runner.start(step)
        assert place.runner.wait_dead(30) == -signal.SIGKILL, step
    place.runner.start()
    assert place.ended(run_id) == "succeeded"
    place.check_whole(run_id, 5)
    assert place.starts.of == {run_id: 1}
    assert place.web.run(run_id).fence == 1


def test_killed_in_the_middle_of_the_output(make: Make) -> None:
    place = make()
    run_id = place.request(160, 0.05)
    place.runner.start()
    for _ in range(3):
        place.web.wait(run_id, {"running"})
        place.runner.wait_ready()
        time.sleep(0.7)
        place.runner.kill()
        place.runner.start()
    assert place.ended(run_id) == "succeeded"
    place.check_whole(run_id, 160)
    assert place.starts.of == {run_id: 1}


def test_random_kills_with_a_successor(tmp_path: Path, image: str) -> None:
    outcome = series(tmp_path / "data", image, runs=8, kills=5, host_lost=False, seed=3)
    _kept(outcome, 8)
    assert outcome.most_starts == 1


def test_random_kills_with_the_host_lost(tmp_path: Path, image: str) -> None:
    outcome = series(tmp_path / "data", image, runs=6, kills=3, host_lost=True, seed=4)
    _kept(outcome, 6)


def _kept(outcome: Outcome, runs: int) -> None:
    assert outcome.wrong == []
    assert outcome.states == {"succeeded": runs}


def test_web_away_stops_no_program_and_loses_nothing(make: Make) -> None:
    place = make(lease=4.0, beat=0.5)
    run_id = place.request(60, 0.1)
    place.runner.start()
    place.web.wait(run_id, {"running"})
    place.web.go_away()
    time.sleep(8)  # twice the lease, and longer than the program runs
    place.web.serve()
    assert place.ended(run_id) == "succeeded"
    place.check_whole(run_id, 60)
    assert place.starts.of == {run_id: 1}
    assert place.web.run(run_id).fence == 1


@pytest.mark.parametrize("state", ["queued", "leased", "running"])
def test_cancel_in_each_state(make: Make, state: str) -> None:
    place = make()
    run_id = place.request(1000, 0.1)
    if state != "queued":
        place.runner.start()
        place.web.wait(run_id, {state, "running"})
    began = time.monotonic()
    place.web.cancel(run_id)
    assert place.ended(run_id) == "cancelled"
    assert time.monotonic() - began < 12
    place.check_clean()


def test_term_drains_and_a_successor_adopts_what_is_left(make: Make) -> None:
    place = make(runner_drain_seconds=0.5)
    run_id = place.request(60, 0.1)
    place.runner.start()
    place.web.wait(run_id, {"running"})
    assert place.runner.stop() == 0
    assert place.web.run(run_id).state == "running"
    place.runner.start()
    assert place.ended(run_id) == "succeeded"
    place.check_whole(run_id, 60)
    assert place.starts.of == {run_id: 1}


# --- the janitor


@pytest.fixture
def janitor(tmp_path: Path) -> Iterator[None]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TOOLYARD_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "runner_service.janitor"],
        env={**kept, "TOOLYARD_DATA": str(tmp_path / "data")},
        cwd=Path(__file__).parent.parent.parent,
    )
    yield
    process.send_signal(signal.SIGTERM)
    assert process.wait(130) == 0


def test_a_deadline_holds_when_the_runner_is_dead(make: Make) -> None:
    place = make(lease=300.0)
    run_id = place.request(10_000, 0.1, seconds=3)
    place.runner.start()
    place.web.wait(run_id, {"running"})
    place.runner.kill()
    state = place.web.data / "runner"
    assert overdue(state, boot_seconds(), boot_id()) == []
    late = overdue(state, boot_seconds() + 3 + DEADLINE_GRACE, boot_id())
    containers = open_containers(place.web.data)
    host = Host(place.web.data)
    try:
        assert len(host.running()) == 1
        sweep(late, containers, open_work)
        assert host.running() == []
    finally:
        host.close()
        containers.close()
    place.runner.start()
    assert place.ended(run_id) == "timed_out"
    assert place.starts.of == {run_id: 1}


def test_nothing_is_left_of_a_runner_that_never_comes_back(make: Make, janitor: None) -> None:
    place = make(lease=4.0, beat=0.5)
    run_id = place.request(10_000, 0.1)
    place.runner.start()
    place.web.wait(run_id, {"running"})
    place.runner.kill()
    host = Host(place.web.data)
    try:
        until = time.monotonic() + 40
        while host.left_over() and time.monotonic() < until:
            time.sleep(0.2)
        assert host.left_over() == {}
    finally:
        host.close()
    assert list(Record.left(place.web.data / "runner" / "0" / "runs")) == []
