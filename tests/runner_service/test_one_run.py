"""The life of one run: what web gets to see of it, whatever happens on the way."""

import hashlib
import io
import json
import threading
import time
from collections.abc import Iterator

import pytest

from runner_service import reporter
from runner_service.one_run import Patience
from runner_service.program import Program
from runner_service.record import Ended, Staged
from shared.containers import Exit
from shared.plan import Network
from shared.work import SMALL_OBJECTS, Limits, Manifest, Stream
from tests.fake_containers import FakeContainers
from tests.runner_service.fake_web import FakeWeb
from tests.runner_service.programs import manifest_of, python, script, started
from tests.runner_service.worker import Worker


def test_a_run_gives_streams_and_files_and_leaves_nothing(worker: Worker, web: FakeWeb) -> None:
    run = web.request(
        script("cat in.txt; echo no >&2; cp in.txt copy; mkdir d; echo x > d/new; cat"),
        inputs=[web.file("in.txt", b"bytes\0\xff")],
        stdin=web.file("stdin", b"typed"),
    )

    worker.run(run)

    assert run.report is not None
    assert (run.report.state, run.report.exit_code, run.report.reason) == ("succeeded", 0, "")
    manifest = manifest_of(web, run)
    assert web.objects[manifest.stdout.key or ""] == b"bytes\0\xfftyped" == run.logs["stdout"]
    assert web.objects[manifest.stderr.key or ""] == b"no\n" == run.logs["stderr"]
    assert [(o.path, web.objects[o.key]) for o in manifest.outputs] == [
        ("copy", b"bytes\0\xff"),
        ("d/new", b"x\n"),
    ]
    assert [o.sha256 for o in manifest.outputs] == [
        hashlib.sha256(web.objects[o.key]).hexdigest() for o in manifest.outputs
    ]
    phases = ["staging", "starting", "running", "finalizing"]
    assert run.phases == [phase for phase in phases if phase in run.phases]  # short ones go untold
    assert worker.left_over() == []


def test_its_slot_is_free_before_the_engine_tells_how_it_ended(
    worker: Worker, web: FakeWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    wait = worker.containers.wait

    def cleaning_up(name: str, seconds: float) -> Exit | None:
        assert over.wait(10)
        return wait(name, seconds)

    monkeypatch.setattr(worker.containers, "wait", cleaning_up)
    run = web.request(["true"])

    worker.one_run(worker.claim(run)).live(over.set)

    assert run.report is not None and run.report.state == "succeeded"


def test_the_end_is_seen_while_the_thread_that_read_it_lives(
    worker: Worker, web: FakeWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    read = Program._read

    def lingering(program: Program, wake: threading.Event) -> None:
        read(program, wake)
        over.wait(30)

    monkeypatch.setattr(Program, "_read", lingering)
    _, thread = worker.begin(web.request(["true"]))
    thread.join(10)
    ended = not thread.is_alive()
    over.set()

    assert ended


def test_a_short_program_asks_web_for_as_little_as_can_be(
    worker: Worker, web: FakeWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporter, "_GATHER", 5.0)
    monkeypatch.setattr(reporter, "_WORTH_TELLING", 60.0)  # however long its results take
    run = web.request(script("echo text; echo x > f"))

    worker.run(run)

    asked = [asked.path.partition("?")[0].rpartition("/")[2] for asked in web.server.asked]
    assert [what for what in asked if what not in ("heartbeat", "directives")] == [
        *("claims", "finish"),
    ]
    assert run.phases == ["running"]  # told with the end
    assert run.report is not None and run.report.untold[0].ago > 0


def test_only_what_is_small_goes_with_the_report(worker: Worker, web: FakeWeb) -> None:
    run = web.request(script("echo text; yes | head -c 70000 > large; yes | head -c 60000 > l2"))

    worker.run(run)

    manifest = manifest_of(web, run)
    sizes = {o.path: len(web.objects[o.key]) for o in manifest.outputs}
    assert sizes == {"large": 70_000, "l2": 60_000}
    assert run.report is not None
    assert run.report.contents == {"stdout": b"text\n", "o/0": b"y\n" * 30_000}
    puts = [asked.path for asked in web.server.asked if asked.path.startswith("/objects/")]
    assert [path.rpartition("/")[2] for path in puts] == ["1"]


def test_a_web_of_before_is_brought_nothing(worker: Worker, web: FakeWeb) -> None:
    run = worker.run(web.request(script("echo text"), report_bytes=0))
    assert run.report is not None and run.report.contents == {}
    assert web.objects[manifest_of(web, run).stdout.key or ""] == b"text\n"


def test_many_small_files_are_uploaded(worker: Worker, web: FakeWeb) -> None:
    run = worker.run(web.request(script("for n in $(seq 100); do echo $n > $n; done")))
    manifest = manifest_of(web, run)
    assert {o.path: web.objects[o.key] for o in manifest.outputs} == {
        str(n): f"{n}\n".encode() for n in range(1, 101)
    }
    assert run.report is not None and len(run.report.contents) == SMALL_OBJECTS


def test_a_program_that_goes_on_is_told_of(
    worker: Worker, web: FakeWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporter, "_GATHER", 0.01)
    run = web.request(script("echo text; sleep 1"))
    _, thread = worker.begin(run)
    web.wait_for(run, "running")
    assert run.report is None
    thread.join()
    assert run.report is not None and run.report.untold == []


def test_an_input_changed_in_place_is_an_output_and_a_touched_one_is_not(
    worker: Worker, web: FakeWeb
) -> None:
    run = web.request(
        script("printf Y > changed; touch -r / changed; cat same > t; cat t > same; rm t"),
        inputs=[web.file("changed", b"X"), web.file("same", b"S"), web.file("idle", b"I")],
    )
    worker.run(run)
    outputs = manifest_of(web, run).outputs
    assert [(o.path, web.objects[o.key]) for o in outputs] == [("changed", b"Y")]


def test_a_non_zero_exit_is_failed_with_its_code(worker: Worker, web: FakeWeb) -> None:
    run = worker.run(web.request(script("exit 3")))
    assert run.report is not None
    assert (run.report.state, run.report.exit_code, run.report.signal) == ("failed", 3, None)


def test_a_signal_is_told_as_one(worker: Worker, web: FakeWeb) -> None:
    run = worker.run(web.request(script("kill -SEGV $$")))
    assert run.report is not None
    assert (run.report.state, run.report.exit_code, run.report.signal) == ("failed", None, 11)
    assert run.report.reason == "killed by signal 11"


def test_the_time_limit_ends_it_and_keeps_what_was_there(worker: Worker, web: FakeWeb) -> None:
    run = web.request(script("echo early; echo x > f; sleep 60"), limits=Limits(wall_seconds=1))
    worker.run(run)
    assert run.report is not None
    assert run.report.state == "timed_out"
    assert run.report.reason == "ended by the time limit of 1 s"
    assert run.logs["stdout"] == b"early\n"
    assert [o.path for o in manifest_of(web, run).outputs] == ["f"]


def test_a_program_that_ignores_term_is_killed(worker: Worker, web: FakeWeb) -> None:
    run = web.request(
        python("import signal,time; signal.signal(15, signal.SIG_IGN); print(1); time.sleep(60)"),
        limits=Limits(wall_seconds=1),
    )
    worker.run(run)
    assert run.report is not None
    assert (run.report.state, run.report.signal) == ("timed_out", 9)


def test_a_long_stream_is_cut_and_counted(worker: Worker, web: FakeWeb) -> None:
    run = web.request(script("yes | head -c 1000000"), limits=Limits(log_bytes=300_000))
    worker.run(run)
    stdout = manifest_of(web, run).stdout
    assert (stdout.size, stdout.kept) == (1_000_000, 300_000)
    assert len(run.logs["stdout"]) == len(web.objects[stdout.key or ""]) == 300_000
    assert manifest_of(web, run).skipped == [
        "stdout is 1000000 bytes long; the first 300000 were kept"
    ]


def test_lines_arrive_while_the_program_runs(worker: Worker, web: FakeWeb) -> None:
    run = web.request(script("echo first; sleep 1; echo second"))
    _, thread = worker.begin(run)
    began = time.monotonic()
    while run.logs["stdout"] != b"first\n" and time.monotonic() < began + 10:
        time.sleep(0.01)
    assert run.report is None
    assert run.logs["stdout"] == b"first\n"
    thread.join()
    assert run.logs["stdout"] == b"first\nsecond\n"


class AlternatingContainers(FakeContainers):
    """The engine's log has a hundred lines, in this order whenever it is read."""

    def output(self, name: str) -> Iterator[tuple[Stream, bytes]]:
        for n in range(50):
            yield "stdout", f"out {n}\n".encode()
            yield "stderr", f"err {n}\n".encode()
        yield from super().output(name)


ALTERNATING = "".join(f"out {n}\nerr {n}\n" for n in range(50))


def test_alternating_lines_are_kept_in_their_order(worker: Worker, web: FakeWeb) -> None:
    worker.containers = AlternatingContainers()
    run = worker.run(web.request(script("true")))
    assert shown_in_order(web, manifest_of(web, run)) == ALTERNATING


def test_a_successor_keeps_alternating_lines_in_their_order(worker: Worker, web: FakeWeb) -> None:
    worker.containers = AlternatingContainers()
    run = web.request(script("sleep 0.5"))
    started(worker, web, run)
    folder = next((worker.folder / "runs").iterdir())
    (folder / "stdout").write_bytes(b"out 0\nout 1\nou")
    worker.adopt()
    assert shown_in_order(web, manifest_of(web, run)) == ALTERNATING


def test_an_order_survives_a_kill_between_the_end_and_the_report(
    worker: Worker, web: FakeWeb
) -> None:
    run = web.request(script("true"))
    record = worker.claim(run)
    worker.work.make(record.container, 1, 1)
    (record.folder / "stdout").write_bytes(b"1\n2\n")
    (record.folder / "stderr").write_bytes(b"a\n")
    record.write(Staged(files={}))
    record.write(Ended(exit_code=0, oom=False, seconds=1.0, order=[2, 2, 2]))
    worker.adopt()
    assert shown_in_order(web, manifest_of(web, run)) == "1\na\n2\n"


def test_streams_that_need_no_order_have_none(worker: Worker, web: FakeWeb) -> None:
    run = worker.run(web.request(script("echo out; sleep 0.1; echo err >&2")))
    assert manifest_of(web, run).order is None


def shown_in_order(web: FakeWeb, manifest: Manifest) -> str:
    """What a reader sees who follows the stored order."""
    assert manifest.order is not None
    kept = {"stdout": manifest.stdout.key, "stderr": manifest.stderr.key}
    files = {stream: io.BytesIO(web.objects[key or ""]) for stream, key in kept.items()}
    text = b""
    for n, size in enumerate(json.loads(web.objects[manifest.order])):
        text += files[("stdout", "stderr")[n % 2]].read(size)
    assert not any(file.read() for file in files.values())
    return text.decode()


def test_wrong_bytes_of_an_input_fail_the_run_with_a_sentence(worker: Worker, web: FakeWeb) -> None:
    good = web.file("in", b"right")
    run = web.request(script("true"), inputs=[good.model_copy(update={"sha256": "0" * 64})])
    worker.run(run)
    assert run.report is not None
    assert run.report.state == "failed"
    assert "is not what was uploaded" in run.report.reason
    assert worker.left_over() == []


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc/passwd"])
def test_an_input_stays_inside_the_working_folder(worker: Worker, web: FakeWeb, name: str) -> None:
    run = web.request(script("true"), inputs=[web.file(name, b"x")])
    worker.run(run)
    assert run.report is not None
    assert "which is not a file's base name" in run.report.reason


def test_a_missing_image_gives_the_run_back_with_the_reason(worker: Worker, web: FakeWeb) -> None:
    run = web.request(script("true"), image="sha256:other")
    worker.run(run)
    assert run.report is None
    assert run.releases[0]["costs_attempt"] is True
    assert run.releases[0]["reason"].startswith("image gone: sha256:other")
    assert worker.left_over() == []


def test_a_wish_for_the_network_tells_how_to_ask(worker: Worker, web: FakeWeb) -> None:
    run = web.request(script("echo 'Could not resolve host: example.org' >&2; exit 6"))
    worker.run(run)
    assert run.report is not None
    assert "run again with the network on" in run.report.reason

    allowed = web.request(
        script("echo 'Could not resolve host' >&2; exit 6"), network=Network(mode="internet")
    )
    worker.run(allowed)
    assert allowed.report is not None
    assert allowed.report.reason == ""


# --- cancel


def test_cancel_stops_the_program_and_keeps_its_outputs(worker: Worker, web: FakeWeb) -> None:
    run = web.request(
        script("trap 'echo bye; exit 0' TERM; echo x > f; while :; do sleep 0.1; done")
    )
    _, thread = worker.begin(run)
    web.wait_for(run, "running")
    web.cancel(run)
    thread.join()
    assert run.report is not None
    assert run.report.state == "cancelled"
    assert [o.path for o in manifest_of(web, run).outputs] == ["f"]
    assert worker.left_over() == []


def test_cancel_before_the_start_starts_nothing(worker: Worker, web: FakeWeb) -> None:
    run = web.request(script("true"), inputs=[web.file("in", b"x")])
    record = worker.claim(run)
    one = worker.one_run(record)
    one.direct("cancel")
    one.live()
    assert run.report is not None
    assert (run.report.state, run.report.manifest) == ("cancelled", None)
    assert isinstance(worker.containers, FakeContainers)
    assert worker.containers.starts == {}
    assert worker.left_over() == []


def test_cancel_after_the_end_lets_the_true_outcome_stand(worker: Worker, web: FakeWeb) -> None:
    run = web.request(script("true"))
    record = worker.claim(run)
    worker.work.make(record.container, 1, 1)
    record.write(Staged(files={}))
    record.write(Ended(exit_code=0, oom=False, seconds=1.0))
    one = worker.one_run(record, adopted=True)
    one.direct("cancel")
    one.live()
    assert run.report is not None
    assert run.report.state == "succeeded"


# --- leases


def test_a_lost_lease_ends_the_program_and_publishes_nothing(worker: Worker, web: FakeWeb) -> None:
    run = web.request(script("echo x > f; sleep 60"))
    _, thread = worker.begin(run)
    web.wait_for(run, "running")
    run.assignment = run.assignment.model_copy(update={"fence": 2, "token": "t2"})
    thread.join(15)
    assert not thread.is_alive()
    assert run.report is None
    assert web.objects == {}
    assert worker.left_over() == []


def test_a_stale_attempt_publishes_nothing_after_its_end(worker: Worker, web: FakeWeb) -> None:
    run = web.request(script("echo x > f"))
    record = worker.claim(run)
    run.assignment = run.assignment.model_copy(update={"fence": 2, "token": "t2"})
    worker.one_run(record).live()
    assert run.report is None
    assert web.objects == {}
    assert worker.left_over() == []


def test_an_outage_of_web_stops_no_program_and_loses_no_byte(worker: Worker, web: FakeWeb) -> None:
    run = web.request(script("for i in 1 2 3 4 5 6; do echo $i; sleep 0.2; done; echo x > f"))
    _, thread = worker.begin(run)
    web.wait_for(run, "running")
    web.down = True
    time.sleep(2.5)
    assert run.report is None
    web.down = False
    thread.join(20)
    assert run.report is not None
    assert run.report.state == "succeeded"
    assert run.logs["stdout"] == b"1\n2\n3\n4\n5\n6\n"
    assert [o.path for o in manifest_of(web, run).outputs] == ["f"]


def test_silence_beyond_all_patience_ends_a_running_program(worker: Worker, web: FakeWeb) -> None:
    worker.patience = Patience(silence=1.0, stop_grace=0.5, engine=5)
    run = web.request(script("sleep 60"))
    _, thread = worker.begin(run)
    web.wait_for(run, "running")
    web.down = True
    thread.join(15)
    assert not thread.is_alive()
    assert worker.left_over() == []


def test_handing_back_costs_no_attempt(worker: Worker, web: FakeWeb) -> None:
    run = web.request(script("sleep 60"))
    one, thread = worker.begin(run)
    web.wait_for(run, "running")
    one.hand_back()
    thread.join(15)
    assert run.releases == [
        {"fence": 1, "reason": "the worker is being shut down", "costs_attempt": False}
    ]
    assert worker.left_over() == []
