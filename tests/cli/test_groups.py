"""The supervisor starts as many workers as the scaler wants, and ends only those that say they are idle."""

import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli import groups
from cli.groups import Followed, WebProcesses, Workers
from cli.supervisor import Child, Supervisor
from shared import desired
from shared.bounds import Bounds

WORKER = """
import signal, sys, time
from pathlib import Path
from shared import retire
folder, gone = Path(sys.argv[1]), []
def leave_if_idle():
    if not (folder / f"busy-{sys.argv[2]}").exists():
        gone.append(1)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
retire.on_request(leave_if_idle)
(folder / f"ready-{sys.argv[2]}").touch()
while not gone:
    time.sleep(0.02)
time.sleep(0.3)  # leaving takes a moment
"""


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    supervisor = Supervisor({"PATH": os.environ["PATH"]}, io.BytesIO())
    yield supervisor
    supervisor.stop()
    supervisor.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "LEAVING_SECONDS", 2.0)
    monkeypatch.setattr(groups, "STEP_SECONDS", 0.3)


def workers(folder: Path, bounds: str = "0..4") -> Workers:
    def make(name: str) -> Child:
        return Child(name, [sys.executable, "-c", WORKER, str(folder), name], grace=5)

    return Workers("runner", Bounds.parse(bounds), make)


def names(group: Workers) -> list[str]:
    return sorted(child.name for child in group.children)


class Scaled:
    """A group that follows the file, as `toolyard up` does."""

    def __init__(self, supervisor: Supervisor, folder: Path, bounds: str = "0..4") -> None:
        self.supervisor, self.folder = supervisor, folder
        self.group = workers(folder, bounds)
        self.followed = Followed(supervisor, folder, {"runner": self.group})
        self.group.begin(supervisor)

    def want(self, count: int) -> None:
        desired.write(desired.folder_of(self.folder), desired.DESIRED, {"runner": count})

    def running(self) -> int:
        return desired.read(desired.folder_of(self.folder), desired.RUNNING)["runner"]

    def until(self, true: Callable[[], bool], seconds: float = 20) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.followed.follow()
            if true():
                return True
            self.supervisor.turn(0.05)
        return False

    def are_ready(self, *wanted: str) -> bool:
        return all((self.folder / f"ready-{name}").exists() for name in wanted)


def test_workers_come_and_go_as_wanted(supervisor: Supervisor, tmp_path: Path) -> None:
    scaled = Scaled(supervisor, tmp_path)
    assert scaled.running() == 0

    scaled.want(3)
    assert scaled.until(lambda: scaled.are_ready("runner", "runner2", "runner3"))
    assert scaled.running() == 3

    scaled.want(0)
    assert scaled.until(lambda: scaled.running() == 0)
    assert supervisor.children == []


def test_a_busy_worker_is_never_ended(supervisor: Supervisor, tmp_path: Path) -> None:
    scaled = Scaled(supervisor, tmp_path)
    scaled.want(3)
    assert scaled.until(lambda: scaled.are_ready("runner", "runner2", "runner3"))
    (tmp_path / "busy-runner3").touch()
    busy = next(child for child in scaled.group.children if child.name == "runner3")
    assert busy.process is not None
    pid = busy.process.pid

    scaled.want(1)

    assert scaled.until(lambda: names(scaled.group) == ["runner3"])
    scaled.want(0)
    assert not scaled.until(lambda: scaled.running() == 0, seconds=1.5)
    assert busy.process is not None and busy.process.pid == pid
    (tmp_path / "busy-runner3").unlink()
    assert scaled.until(lambda: scaled.running() == 0)


def test_no_more_go_than_are_too_many(supervisor: Supervisor, tmp_path: Path) -> None:
    """Those that were asked are still leaving when the next look comes: the others are not asked too."""
    scaled = Scaled(supervisor, tmp_path)
    scaled.want(4)
    assert scaled.until(lambda: scaled.running() == 4)
    assert scaled.until(lambda: scaled.are_ready(*names(scaled.group)))

    def pids() -> set[int]:
        return {child.process.pid for child in scaled.group.children if child.process}

    before = pids()

    scaled.want(2)
    assert not scaled.until(lambda: scaled.running() < 2, seconds=1.5)

    assert scaled.running() == 2
    assert pids() < before, "nobody had to be started anew"


def test_the_bounds_hold_whatever_is_written(supervisor: Supervisor, tmp_path: Path) -> None:
    scaled = Scaled(supervisor, tmp_path, "1..2")

    scaled.want(9)
    assert scaled.until(lambda: scaled.running() == 2)
    assert scaled.until(lambda: scaled.are_ready("runner", "runner2"))
    (desired.folder_of(tmp_path) / desired.DESIRED).write_text('{"runner": "many"')

    assert scaled.until(lambda: scaled.running() == 1)


def test_a_worker_that_dies_is_started_again(supervisor: Supervisor, tmp_path: Path) -> None:
    """Its successor goes on with what it left, so also a worker that was asked to go comes back."""
    scaled = Scaled(supervisor, tmp_path, "1..2")
    (tmp_path / "busy-runner").touch()
    assert scaled.until(lambda: scaled.are_ready("runner"))
    child = scaled.group.children[0]
    assert child.process is not None
    first = child.process.pid
    supervisor.ask_to_go(child, groups.SIGNAL)

    child.process.kill()

    assert scaled.until(lambda: child.process is not None and child.process.pid != first)


def test_nothing_is_looked_at_where_numbers_are_fixed(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    followed = Followed(supervisor, tmp_path, {"runner": workers(tmp_path, "2")})

    assert followed.seconds is None


WEB = """
import signal, sys, time
from pathlib import Path
folder, count = Path(sys.argv[1]), [1]
def more(*_): count[0] += 1
def fewer(*_): count[0] -= 1
time.sleep(0.5)
signal.signal(signal.SIGTTIN, more)
signal.signal(signal.SIGTTOU, fewer)
(folder / "answers").touch()
while True:
    new = folder / "new"
    new.write_text(str(count[0]))
    new.rename(folder / "count")
    time.sleep(0.02)
"""


def test_web_processes_follow_once_web_answers(supervisor: Supervisor, tmp_path: Path) -> None:
    """Before, the signal would stop it: the master has no handler yet."""
    child = Child("web", [sys.executable, "-c", WEB, str(tmp_path)], grace=1)
    supervisor.start(child)
    web = WebProcesses(child, Bounds(1, 3), (tmp_path / "answers").exists)
    end = time.monotonic() + 20

    def follows(count: int) -> bool:
        while time.monotonic() < end:
            web.follow(count)
            supervisor.turn(0.02)
            found = tmp_path / "count"
            if found.exists() and found.read_text() == str(min(3, count)) and web.count:
                return True
        return False

    assert follows(9)
    assert web.count == 3
    assert follows(1)


@pytest.mark.parametrize("text", ["", "x", "4..1", "-1", "1...3", "1..99999", "²"])
def test_bounds_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"range|smaller"):
        Bounds.parse(text)


def test_bounds_are_a_number_or_a_range() -> None:
    assert (Bounds.parse("2"), Bounds.parse("0..4")) == (Bounds(2, 2), Bounds(0, 4))
    assert not Bounds.parse("2").is_range


def test_a_full_disk_ends_nobody(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scaled = Scaled(supervisor, tmp_path, "1..4")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(desired, "write", full)
    scaled.followed.follow()
    monkeypatch.undo()
    scaled.followed.follow()
    assert scaled.running() == 1
