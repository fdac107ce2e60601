"""A runner goes on where its predecessor on this host died."""

import threading
import time

from runner_service.record import Ended, Finished, Record, Staged, Stopped
from shared.containers import Containers
from shared.work import Limits, RunReport
from tests.fake_containers import FakeContainers
from tests.runner_service.fake_web import FakeWeb, WebRun
from tests.runner_service.programs import manifest_of, script, started
from tests.runner_service.worker import Worker


def starts(containers: Containers) -> list[int]:
    assert isinstance(containers, FakeContainers)
    return list(containers.starts.values())


def orphaned(
    worker: Worker, web: FakeWeb, program: str, *, after: float = 0.0, seconds: int = 60
) -> WebRun:
    """A started run whose runner has died so many seconds later."""
    run = web.request(script(program), limits=Limits(wall_seconds=seconds))
    started(worker, web, run)
    time.sleep(after)
    return run


def test_a_successor_adopts_a_running_program(worker: Worker, web: FakeWeb) -> None:
    run = orphaned(worker, web, "echo before; echo x > f; sleep 1; echo after", after=0.3)
    worker.adopt()
    assert run.report is not None
    assert run.report.state == "succeeded"
    assert run.logs["stdout"] == b"before\nafter\n"
    assert starts(worker.containers) == [1]
    assert worker.left_over() == []


def test_a_successor_appends_to_the_spool_and_the_live_log(worker: Worker, web: FakeWeb) -> None:
    run = orphaned(worker, web, "echo before; sleep 1; echo after")
    folder = next((worker.folder / "runs").iterdir())
    (folder / "stdout").write_bytes(b"bef")
    run.logs["stdout"] = b"be"
    worker.adopt()
    assert run.logs["stdout"] == b"before\nafter\n"
    assert web.objects[manifest_of(web, run).stdout.key or ""] == b"before\nafter\n"


def test_a_successor_collects_a_program_that_ended_meanwhile(worker: Worker, web: FakeWeb) -> None:
    run = orphaned(worker, web, "echo x > f; exit 4", after=0.5)
    worker.adopt()
    assert run.report is not None
    assert (run.report.state, run.report.exit_code) == ("failed", 4)
    assert [o.path for o in manifest_of(web, run).outputs] == ["f"]


def test_a_successor_publishes_what_its_predecessor_had_read(worker: Worker, web: FakeWeb) -> None:
    run = web.request(script("true"), limits=Limits(log_bytes=4))
    record = worker.claim(run)
    worker.work.make(record.container, 1, 1)
    (record.folder / "stdout").write_bytes(b"text")
    record.write(Staged(files={}))
    record.write(Ended(exit_code=0, oom=False, seconds=1.0, sizes={"stdout": 9, "stderr": 0}))
    worker.adopt()
    manifest = manifest_of(web, run)
    assert (manifest.stdout.size, manifest.stdout.kept) == (9, 4)
    assert manifest.skipped == ["stdout is 9 bytes long; the first 4 were kept"]
    assert run.logs["stdout"] == b"text"


def test_a_successor_keeps_the_first_deadline(worker: Worker, web: FakeWeb) -> None:
    run = orphaned(worker, web, "sleep 60", after=1.5, seconds=2)
    began = time.monotonic()
    worker.adopt()
    assert run.report is not None
    assert run.report.state == "timed_out"
    assert time.monotonic() - began < 1.8


def test_a_successor_finishes_what_was_to_be_stopped(worker: Worker, web: FakeWeb) -> None:
    run = orphaned(worker, web, "sleep 60")
    left(worker).write(Stopped(why="cancelled"))
    worker.adopt()
    assert run.report is not None
    assert run.report.state == "cancelled"


def left(worker: Worker) -> Record:
    """The one attempt that a predecessor left."""
    (record,) = Record.left(worker.folder / "runs")
    return record


def test_a_successor_repeats_a_report_whose_answer_was_lost(worker: Worker, web: FakeWeb) -> None:
    run = web.request(script("true"))
    record = worker.claim(run)
    report = RunReport(fence=1, state="succeeded", exit_code=0)
    worker.control.finish("run", record.assignment, report)
    record.write(report)
    worker.adopt()
    assert run.report == report
    assert run.releases == []
    assert worker.left_over() == []


def test_a_successor_cleans_up_what_is_finished(worker: Worker, web: FakeWeb) -> None:
    run = orphaned(worker, web, "true")
    left(worker).write(Finished(why="succeeded"))
    worker.adopt()
    assert worker.left_over() == []
    assert run.report is None and run.releases == []


def test_a_successor_drops_what_is_not_ours_any_more(worker: Worker, web: FakeWeb) -> None:
    run = orphaned(worker, web, "sleep 60")
    run.assignment = run.assignment.model_copy(update={"fence": 2, "token": "t2"})
    worker.adopt()
    assert run.report is None
    assert worker.left_over() == []


def test_after_a_reboot_a_started_run_is_given_back(worker: Worker, web: FakeWeb) -> None:
    run = orphaned(worker, web, "true")
    record = left(worker)
    worker.one_run(record, adopted=True, boot="another").live()
    assert run.report is None
    assert run.releases[0]["reason"] == "the worker's host was restarted"
    assert worker.left_over() == []


class VanishingContainers(FakeContainers):
    """Somebody removes containers behind the runner's back."""

    def start(self, name: str) -> None:
        super().start(name)
        threading.Timer(0.5, self.remove, (name,)).start()


def test_a_vanished_container_is_no_failure_of_the_tool(worker: Worker, web: FakeWeb) -> None:
    worker.containers = VanishingContainers()
    run = web.request(script("sleep 60"))
    worker.run(run)
    assert run.report is None
    assert "vanished" in run.releases[0]["reason"]
