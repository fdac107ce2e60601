"""The supervisor keeps processes alive, passes their lines on, and stops them in reverse order."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.supervisor import FIRST_BACKOFF, LONGEST_BACKOFF, Child, Supervisor, backoff


def python(code: str) -> list[str]:
    return [sys.executable, "-uc", code]


@pytest.fixture
def out() -> io.BytesIO:
    return io.BytesIO()


@pytest.fixture
def supervisor(out: io.BytesIO) -> Iterator[Supervisor]:
    supervisor = Supervisor({"PATH": os.environ["PATH"]}, out)
    yield supervisor
    supervisor.stop()
    supervisor.close()


def until(supervisor: Supervisor, true: Callable[[], bool], seconds: float = 20) -> bool:
    return supervisor.wait_for(true, seconds)


def test_what_one_group_is_told_no_other_child_knows(
    supervisor: Supervisor, out: io.BytesIO
) -> None:
    supervisor.environ["BUS"] = "everybody's"
    supervisor.told["runner"] = {"BUS": "the runner's"}
    tell = python("import os, time; print(os.environ['BUS']); time.sleep(60)")
    for child in (Child("runner2", tell, group="runner"), Child("builder", tell)):
        supervisor.start(child)
    assert until(supervisor, lambda: out.getvalue().count(b"'s\n") == 2)
    told = dict(line.split(" | ") for line in out.getvalue().decode().splitlines())
    assert {name.strip(): text for name, text in told.items()} == {
        "runner2": "the runner's",
        "builder": "everybody's",
    }


def test_lines_carry_the_name_of_their_process(supervisor: Supervisor, out: io.BytesIO) -> None:
    supervisor.start(Child("web", python("import time; print('hello'); time.sleep(60)")))

    assert until(supervisor, lambda: b"web      | hello\n" in out.getvalue())


def test_a_killed_process_starts_again(supervisor: Supervisor) -> None:
    child = Child("web", python("import time; time.sleep(60)"))
    supervisor.start(child)
    assert child.process is not None
    first = child.process.pid

    os.kill(first, signal.SIGKILL)

    assert until(supervisor, lambda: child.process is not None and child.process.pid != first)


def test_quick_deaths_wait_longer_each_time_up_to_a_limit() -> None:
    waits = [backoff(n) for n in range(1, 20)]

    assert waits[0] == FIRST_BACKOFF
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_BACKOFF


def test_the_last_started_stops_first_and_a_deaf_one_is_killed(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    note = f"""
import signal, sys, time
def end(*_):
    open({str(tmp_path / "order")!r}, "a").write(sys.argv[1]); sys.exit()
signal.signal(signal.SIGTERM, end)
open({str(tmp_path)!r} + "/" + sys.argv[1], "w").close()
time.sleep(60)"""
    deaf = f"""
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open({str(tmp_path / "deaf")!r}, "w").close()
time.sleep(60)"""
    for name in "ab":
        supervisor.start(Child(name, [*python(note), name]))
    supervisor.start(Child("deaf", python(deaf), grace=0.3))
    assert until(supervisor, lambda: all((tmp_path / n).exists() for n in ("a", "b", "deaf")))

    supervisor.stop()

    assert (tmp_path / "order").read_text() == "ba"
    assert all(child.process is None for child in supervisor.children)


def test_a_child_does_not_outlive_a_killed_supervisor(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from cli.supervisor import Child, Supervisor
import os, sys
s = Supervisor(dict(os.environ))
child = Child("c", [sys.executable, "-c", "import time; time.sleep(60)"])
s.start(child)
Path({str(tmp_path / "new")!r}).write_text(str(child.process.pid))
Path({str(tmp_path / "new")!r}).rename({str(tmp_path / "pid")!r})
while True: s.turn()"""
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        wait(lambda: (tmp_path / "pid").exists())
        pid = int((tmp_path / "pid").read_text())
        time.sleep(0.3)  # setpriv has become the child by now
        process.kill()

    wait(lambda: not is_alive(pid))


def wait(true: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0]
    except FileNotFoundError:
        return False
