"""What programs do to the host, or to themselves, on the real engine."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.control import Control
from shared.plan import Network
from shared.sandbox_flags import LINE_BUFFERED
from shared.work import Limits, Manifest, RunReport
from tests.runner_service.fake_web import FakeWeb, WebRun
from tests.runner_service.real import base_image, real_worker
from tests.runner_service.worker import Worker

pytestmark = pytest.mark.docker
_MIB = 1 << 20
SMALL = Limits(
    memory_bytes=64 * _MIB, pids=32, wall_seconds=20, disk_bytes=8 * _MIB, output_files=100
)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    return base_image(tmp_path_factory.mktemp("base"))


@pytest.fixture
def real(web: FakeWeb, control: Control, tmp_path: Path) -> Iterator[Worker]:
    with real_worker(web, control, tmp_path) as worker:
        yield worker
        assert worker.left_over() == []
        assert worker.work.names() == []  # type: ignore[attr-defined]


def report_of(run: WebRun) -> RunReport:
    assert run.report is not None, run.releases
    return run.report


def manifest_of(run: WebRun) -> Manifest:
    manifest = report_of(run).manifest
    assert manifest is not None
    return manifest


def sh(real: Worker, image: str, text: str, limits: Limits = SMALL, **more: object) -> WebRun:
    run = real.web.request(["/bin/sh", "-c", text], image=image, limits=limits, **more)
    return real.run(run)


def perl(real: Worker, image: str, text: str, limits: Limits = SMALL) -> WebRun:
    return real.run(real.web.request(["perl", "-e", text], image=image, limits=limits))


def test_alternating_lines_keep_their_order(real: Worker, image: str) -> None:
    run = sh(
        real,
        image,
        "for n in 1 2 3 4 5 6 7 8; do echo out $n; sleep 0.1; echo err $n >&2; sleep 0.1; done",
    )
    order = manifest_of(run).order
    assert order is not None
    assert json.loads(real.web.objects[order]) == [len("out 1\n")] * 16


SLOW_PIPE = "(echo one; sleep 3; echo two) | "
C_PROGRAMS = ["grep -- o", "tr a-z A-Z", "sed s/o/0/", "cut -c1-2"]


@pytest.mark.parametrize("program", C_PROGRAMS)
def test_a_line_of_a_program_in_c_arrives_before_it_ends(
    real: Worker, image: str, program: str
) -> None:
    argv = ["/bin/sh", "-c", SLOW_PIPE + program]
    run = real.web.request(argv, image=image, limits=SMALL, env=LINE_BUFFERED)
    _, thread = real.begin(run)
    until = time.monotonic() + 15
    while not run.logs["stdout"] and not run.report and time.monotonic() < until:
        time.sleep(0.02)
    assert run.logs["stdout"].count(b"\n") == 1
    assert run.report is None
    thread.join()
    assert report_of(run).state == "succeeded"
    assert run.logs["stdout"].count(b"\n") == 2
    assert run.logs["stderr"] == b""


def test_files_in_files_out(real: Worker, image: str) -> None:
    run = sh(
        real,
        image,
        "pwd; id -u; cat in*; cat; echo err >&2; cp 'in 1.txt' 'a b'; printf x >> 'in 1.txt'",
        inputs=[real.web.file("in 1.txt", b"hello\n"), real.web.file("in2", b"same\n")],
        stdin=real.web.file("stdin", b"typed\n"),
    )
    assert report_of(run).state == "succeeded"
    assert run.logs["stdout"] == b"/work\n65532\nhello\nsame\ntyped\n"
    assert run.logs["stderr"] == b"err\n"
    outputs = {o.path: real.web.objects[o.key] for o in manifest_of(run).outputs}
    assert outputs == {"a b": b"hello\n", "in 1.txt": b"hello\nx"}


def test_arguments_arrive_exactly(real: Worker, image: str) -> None:
    argv = ["", " ", "a b", "$(id)", "`id`", ";", "*", "'\"", "\\", "\n", "ü", "--", "-n"]
    run = real.web.request(["perl", "-e", r'print join("\0", @ARGV)', "--", *argv], image=image)
    real.run(run)
    assert run.logs["stdout"].decode().split("\0") == argv


def test_a_fork_bomb_is_held(real: Worker, image: str) -> None:
    run = perl(real, image, "while (1) { my $p = fork; die qq(no fork: $!\n) unless defined $p; }")
    assert report_of(run).state == "failed"
    assert b"no fork" in run.logs["stderr"]


def test_memory_is_limited_and_the_reason_says_so(real: Worker, image: str) -> None:
    run = perl(real, image, "my @a; push @a, 'x' x 1e6 while 1;")
    report = report_of(run)
    assert (report.state, report.signal, report.oom) == ("failed", 9, True)
    assert report.reason == "killed by signal 9 (out of memory: limit 64 MiB)"


def test_the_disk_is_limited_and_the_reason_says_so(real: Worker, image: str) -> None:
    run = sh(
        real,
        image,
        "echo kept > a; for i in 1 2 3 4; do head -c 5000000 /dev/zero > big$i || exit 1; done",
    )
    report = report_of(run)
    assert (report.state, report.exit_code) == ("failed", 1)
    assert "the working folder holds 8 MiB, inputs and outputs together" in report.reason
    assert b"No space left" in run.logs["stderr"]
    assert "a" in [o.path for o in manifest_of(run).outputs]


def test_a_file_is_limited_and_the_reason_says_so(real: Worker, image: str) -> None:
    run = sh(real, image, "exec head -c 100000000 /dev/zero > big")
    report = report_of(run)
    assert (report.state, report.signal) == ("failed", 25)
    assert report.reason == "killed by signal 25 (a file grew above the limit of 8 MiB)"


def test_inodes_are_limited(real: Worker, image: str) -> None:
    run = sh(real, image, "i=0; while : > f$i; do i=$((i+1)); done; exit 1")
    assert report_of(run).state == "failed"
    assert b"No space left" in run.logs["stderr"]
    assert len(manifest_of(run).outputs) == 100
    assert manifest_of(run).skipped


def test_ignoring_term_ends_in_kill(real: Worker, image: str) -> None:
    limits = SMALL.model_copy(update={"wall_seconds": 1})
    run = sh(real, image, "trap '' TERM; echo up; while :; do sleep 1; done", limits)
    report = report_of(run)
    assert (report.state, report.signal) == ("timed_out", 9)
    assert report.reason == "ended by the time limit of 1 s"


def test_binary_output_is_byte_exact(real: Worker, image: str) -> None:
    run = perl(real, image, "binmode STDOUT; print map { chr($_ % 256) } 0..299999")
    expected = bytes(i % 256 for i in range(300_000))
    assert run.logs["stdout"] == expected
    assert real.web.objects[manifest_of(run).stdout.key or ""] == expected


def test_a_flood_is_cut_and_counted(real: Worker, image: str) -> None:
    limits = SMALL.model_copy(update={"log_bytes": _MIB})
    run = sh(real, image, "yes 0123456789 | head -c 40000000", limits)
    stdout = manifest_of(run).stdout
    assert (stdout.size, stdout.kept) == (40_000_000, _MIB)
    assert run.logs["stdout"] == (b"0123456789\n" * 100_000)[:_MIB]
    assert "stdout is 40000000 bytes long" in manifest_of(run).skipped[0]


def test_links_and_odd_files_are_told_and_never_followed(real: Worker, image: str) -> None:
    run = sh(
        real,
        image,
        "ln -s /etc/passwd link; ln -s / root; mkfifo fifo; echo x > a; ln a b; echo ok > ok; "
        "truncate -s 7M sparse; truncate -s 4M sparse2; mkdir d; ln -s ../../../etc d/up",
    )
    manifest = manifest_of(run)
    assert [o.path for o in manifest.outputs] == ["ok", "sparse"]
    assert manifest.skipped[:5] == [
        "‘a’ is one of 2 hard links to a file",
        "‘b’ is one of 2 hard links to a file",
        "‘d/up’ is a symbolic link",
        "‘fifo’ is a named pipe",
        "‘link’ is a symbolic link",
    ]
    assert "it is sparse" in manifest.skipped[6]
    assert not any(b"root:" in data for data in real.web.objects.values())


@pytest.mark.parametrize(("name", "number"), [("SEGV", 11), ("KILL", 9), ("ABRT", 6)])
def test_an_exit_by_signal_is_shown_as_one(
    real: Worker, image: str, name: str, number: int
) -> None:
    run = sh(real, image, f"kill -{name} $$; sleep 5")
    report = report_of(run)
    assert (report.state, report.exit_code, report.signal) == ("failed", None, number)
    assert report.reason == f"killed by signal {number}"


def test_the_network_that_it_does_not_have(real: Worker, image: str) -> None:
    run = perl(
        real,
        image,
        "use IO::Socket; IO::Socket::INET->new(PeerAddr => '198.51.100.7:80', Timeout => 3)"
        " or die qq($!\n)",
    )
    assert report_of(run).state == "failed"
    assert "run again with the network on" in report_of(run).reason


def test_a_network_of_its_own_is_gone_afterwards(real: Worker, image: str) -> None:
    run = sh(real, image, "ls /sys/class/net", network=Network(mode="internet"))
    assert b"eth0" in run.logs["stdout"]


def test_file_names_come_out_as_they_are(real: Worker, image: str) -> None:
    run = perl(
        real,
        image,
        r'for ("a b", "new\nline", "\xe2\x80\xaertl", "bad\xff", "-rf", "back\\xffslash") '
        r"{ open(my $f, '>', qq(./$_)) or die; print $f 1 }",
    )
    outputs = manifest_of(run).outputs
    assert sorted(o.path for o in outputs) == sorted(
        ["-rf", "a b", "back\\x5cxffslash", "bad\\xff", "new\nline", "\u202ertl"]
    )


def test_a_program_that_is_not_there(real: Worker, image: str) -> None:
    run = real.run(real.web.request(["no-such-program"], image=image, limits=SMALL))
    report = report_of(run)
    assert (report.state, report.exit_code) == ("failed", 127)
    assert b"no-such-program" in run.logs["stderr"]


def test_a_missing_image_is_built_again(real: Worker) -> None:
    run = real.run(real.web.request(["true"], image="sha256:" + "0" * 64, limits=SMALL))
    assert run.releases[0]["reason"].startswith("image gone")
