"""What every run and build relies on, proven on the real engine."""

import hashlib
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from shared.containers import (
    ContainerGone,
    EngineRefused,
    EngineUnavailable,
    ImageGone,
    Mount,
)
from shared.containers_docker import DockerContainers, connect
from tests.engine import LIMITS, Runner, collect

pytestmark = pytest.mark.docker


BINARY = r'binmode STDOUT; print pack("C*", 0 .. 255) x 64, "\r\n\0no newline at the end"'


BINARY_BYTES = bytes(range(256)) * 64 + b"\r\n\0no newline at the end"


def test_both_streams_arrive_byte_exact_and_apart(runner: Runner) -> None:
    ended = runner.run("perl", "-e", BINARY + r'; print STDERR "\xff\x00err"')

    assert ended.stdout == BINARY_BYTES
    assert ended.stderr == b"\xff\x00err"
    assert ended.exit and ended.exit.exit_code == 0


def test_output_is_read_again_from_the_first_byte_after_the_end(runner: Runner) -> None:
    name = runner.started("perl", "-e", BINARY)
    runner.containers.wait(name, 20)

    assert collect(runner.containers, name) == (BINARY_BYTES, b"")
    assert collect(runner.containers, name) == (BINARY_BYTES, b"")


def test_reading_the_log_of_a_running_program_misses_no_last_words(runner: Runner) -> None:
    program = r'$| = 1; print "a\n"; select(undef, undef, undef, 0.4); print "b" x 9'

    for _ in range(5):
        name = runner.started("perl", "-e", program)
        assert collect(runner.containers, name) == (b"a\n" + b"b" * 9, b"")


def test_output_ends_with_the_program_and_not_with_its_streams(runner: Runner) -> None:
    program = "close STDOUT; close STDERR; select(undef, undef, undef, 0.5)"
    name = runner.created("perl", "-e", program)
    stream = runner.containers.output(name)
    runner.containers.start(name)

    assert list(stream) == []
    ended = runner.containers.wait(name, 0)
    assert ended is not None and ended.seconds >= 0.4


def test_output_is_live(runner: Runner) -> None:
    name = runner.created("perl", "-e", r'$| = 1; print "first\n"; sleep 3; print "last\n"')
    stream = runner.containers.output(name)
    runner.containers.start(name)

    begun = time.monotonic()
    assert next(stream) == ("stdout", b"first\n")
    assert time.monotonic() - begun < 2


_KILLED = """
import os, sys
from pathlib import Path
from shared.containers import Sandbox
from shared.containers_docker import connect
from tests.engine import LIMITS
data, name, image, program = sys.argv[1:]
containers = connect(Path(data))
containers.create(Sandbox(name, image, ["perl", "-e", program], "run", LIMITS, workdir="/tmp"))
stream = containers.output(name)
containers.start(name)
next(stream)
os.kill(os.getpid(), 9)
"""


def test_another_process_adopts_a_running_container(
    runner: Runner, containers: DockerContainers, data: Path
) -> None:
    program = r'$| = 1; for (1 .. 8) { print "line $_\n"; select(undef, undef, undef, 0.25) }'
    name = runner.sandbox().name
    argv = [sys.executable, "-c", _KILLED, str(data), name, runner.image, program]
    assert subprocess.run(argv, check=False).returncode == -9
    before = containers.status(name)

    containers.start(name)
    stdout, _ = collect(containers, name)
    ended = containers.wait(name, 5)

    assert before and before.state == "running"
    assert stdout == b"".join(b"line %d\n" % n for n in range(1, 9))
    assert ended and ended.exit_code == 0


def test_removing_what_never_started_ends_its_streams(
    runner: Runner, containers: DockerContainers
) -> None:
    name = runner.created("true")
    stream = containers.output(name)
    removing = threading.Timer(0.3, containers.remove, [name])
    removing.start()

    with pytest.raises(ContainerGone):
        list(stream)
    removing.join()


def test_a_program_that_cannot_be_started_says_why_and_ends_its_streams(
    runner: Runner, tmp_path: Path
) -> None:
    name = runner.created("true", mounts=(Mount(tmp_path, "/etc/passwd/below-a-file"),))
    stream = runner.containers.output(name)

    with pytest.raises(EngineRefused, match="could not be started"):
        runner.containers.start(name)
    assert list(stream) == []


def test_a_reader_that_goes_away_does_not_stop_the_program(runner: Runner) -> None:
    name = runner.created("perl", "-e", 'print "x" x 8192, "\\n" for 1 .. 60; print "end"')
    stream = runner.containers.output(name)
    runner.containers.start(name)
    next(stream)
    stream.close()  # type: ignore[attr-defined]

    ended = runner.containers.wait(name, 20)

    assert ended and ended.exit_code == 0
    assert collect(runner.containers, name)[0] == (b"x" * 8192 + b"\n") * 60 + b"end"


def test_a_flood_is_counted_whole_by_its_reader_and_bounded_in_the_log(
    runner: Runner, containers: DockerContainers
) -> None:
    size = 40 << 20
    program = f'my $l = ("y" x 99) . "\\n"; print $l for 1 .. {size // 100}'

    name = runner.created("perl", "-e", program)
    stream = containers.output(name)
    containers.start(name)
    counted = sum(len(chunk) for _, chunk in stream)
    kept = sum(len(chunk) for _, chunk in containers.output(name))

    assert counted == size // 100 * 100
    assert LIMITS.log_bytes <= kept <= 5 * LIMITS.log_bytes


def test_the_log_keeps_both_streams_up_to_the_limit_while_nobody_reads(runner: Runner) -> None:
    line = "z" * 63
    lines = LIMITS.log_bytes // 64
    program = f'for (1 .. {lines}) {{ print "{line}\\n"; print STDERR "{line}\\n" }}'
    name = runner.started("perl", "-e", program)
    runner.containers.wait(name, 30)

    stdout, stderr = collect(runner.containers, name)

    assert stdout == stderr == f"{line}\n".encode() * lines


@pytest.mark.parametrize("code", [0, 1, 42, 123, 255])
def test_the_exit_code_is_the_programs_own(runner: Runner, code: int) -> None:
    ended = runner.run("sh", "-c", f"exit {code}")

    assert ended.exit and ended.exit.exit_code == code and not ended.exit.oom


@pytest.mark.parametrize("number", [6, 9, 11, 15])
def test_a_program_that_a_signal_ended_exits_with_128_and_the_signal(
    runner: Runner, number: int
) -> None:
    ended = runner.run("sh", "-c", f"kill -{number} $$")

    assert ended.exit and ended.exit.exit_code == 128 + number


def test_a_missing_program_is_an_exit_code_and_a_message(runner: Runner) -> None:
    ended = runner.run("/no/such/program")

    assert ended.exit and ended.exit.exit_code == 127
    assert b"No such file" in ended.stderr


def test_arguments_arrive_exactly(runner: Runner) -> None:
    words = [
        "",
        " ",
        "a b",
        "'",
        '"',
        "$(id)",
        "`id`",
        "*",
        "\n\t",
        "é\u00a0\u2003",
        "--",
        "-n",
        "\\",
    ]

    ended = runner.run("perl", "-e", r'print join("\0", @ARGV)', "--", *words)

    assert ended.stdout == "\0".join(words).encode()


def test_a_program_that_ignores_term_is_killed_with_its_children(runner: Runner) -> None:
    name = runner.created(
        *("sh", "-c", "trap '' TERM; (trap '' TERM; sleep 60) & echo up; sleep 60; sleep 60"),
    )
    stream = runner.containers.output(name)
    runner.containers.start(name)
    next(stream)

    begun = time.monotonic()
    runner.containers.stop(name, 1)
    ended = runner.containers.wait(name, 5)

    assert time.monotonic() - begun < 8
    assert ended and ended.exit_code == 137 and not ended.oom
    assert list(stream) == []


def test_term_comes_first(runner: Runner) -> None:
    name = runner.created(
        "perl", "-e", '$| = 1; $SIG{TERM} = sub { print "bye"; exit 3 }; print "up\n"; sleep 60'
    )
    stream = runner.containers.output(name)
    runner.containers.start(name)
    next(stream)

    runner.containers.stop(name, 10)
    ended = runner.containers.wait(name, 5)

    assert ended and ended.exit_code == 3
    assert list(stream) == [("stdout", b"bye")]


def test_wait_says_nothing_while_the_program_runs(runner: Runner) -> None:
    name = runner.started("sleep", "30")

    begun = time.monotonic()
    assert runner.containers.wait(name, 0.3) is None
    assert runner.containers.wait(name, 0) is None
    assert time.monotonic() - begun < 3


def test_standard_input_is_the_file_or_empty(runner: Runner, tmp_path: Path) -> None:
    content = bytes(range(256)) * (48 << 10)  # 12 MiB
    path = tmp_path / "stdin"
    path.write_bytes(content)
    path.chmod(0o644)

    given = runner.run("sha256sum", stdin=path)
    empty = runner.run("sha256sum")

    assert given.stdout.split()[0] == hashlib.sha256(content).hexdigest().encode()
    assert empty.stdout.split()[0] == hashlib.sha256(b"").hexdigest().encode()


def test_words_that_look_like_shell_stay_words_beside_standard_input(
    runner: Runner, tmp_path: Path
) -> None:
    path = tmp_path / "stdin"
    path.write_bytes(b"in")

    ended = runner.run(
        "perl", "-e", r'print join("|", @ARGV), <STDIN>', "--", "$(id)", "a b", "", stdin=path
    )

    assert ended.stdout == b"$(id)|a b|in"


def test_create_and_start_and_remove_may_be_repeated(
    runner: Runner, containers: DockerContainers
) -> None:
    sandbox = runner.sandbox("sh", "-c", "echo once")
    containers.create(sandbox)
    containers.create(sandbox)
    containers.start(sandbox.name)
    containers.wait(sandbox.name, 20)
    containers.start(sandbox.name)

    assert containers.wait(sandbox.name, 5) is not None
    assert collect(containers, sandbox.name) == (b"once\n", b"")
    containers.remove(sandbox.name)
    containers.remove(sandbox.name)
    assert containers.status(sandbox.name) is None


def test_status_and_list_tell_state_and_labels(
    runner: Runner, containers: DockerContainers
) -> None:
    name = runner.created("sh", "-c", "exit 4", labels={"job": "run_1", "deadline": "77"})
    other = runner.created("true", labels={"job": "run_2"})

    before = containers.status(name)
    containers.start(name)
    containers.wait(name, 20)
    found = containers.list({"job": "run_1"})

    assert before and before.state == "created" and before.exit is None
    assert [status.name for status in found] == [name]
    assert found[0].state == "exited" and found[0].exit and found[0].exit.exit_code == 4
    assert found[0].labels["deadline"] == "77" and found[0].labels["kind"] == "run"
    assert {status.name for status in containers.list({})} >= {name, other}


def test_another_installation_sees_nothing_of_ours(runner: Runner, tmp_path: Path) -> None:
    name = runner.created("true")
    stranger = connect(tmp_path / "other")
    try:
        assert stranger.list({}) == []
        assert stranger.status(name) is None
        with pytest.raises(ContainerGone):
            stranger.start(name)
    finally:
        stranger.close()


def test_what_is_missing_is_said_so(runner: Runner, containers: DockerContainers) -> None:
    with pytest.raises(ImageGone):
        containers.create(replace(runner.sandbox("true"), image="sha256:" + "0" * 64))
    with pytest.raises(ContainerGone):
        containers.start("no-such-container")
    with pytest.raises(ContainerGone):
        containers.wait("no-such-container", 1)
    with pytest.raises(ContainerGone):
        list(containers.output("no-such-container"))
    with pytest.raises(ImageGone):
        containers.image_size("no-such-image:x")
    assert containers.image_id("no-such-image:x") is None
    containers.remove_image("no-such-image:x")
    containers.stop("no-such-container", 0)


def test_an_engine_that_is_away_is_a_reason_to_try_again(tmp_path: Path) -> None:
    away = connect(tmp_path, socket=f"unix://{tmp_path}/no-engine.sock")

    with pytest.raises(EngineUnavailable):
        away.list({})
