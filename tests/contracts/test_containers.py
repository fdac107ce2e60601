"""What every run and build relies on, proven on the real engine."""

import hashlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.containers import (
    ContainerGone,
    EngineRefused,
    EngineUnavailable,
    ImageGone,
    Mount,
    NetworkRefused,
)
from shared.containers_docker import DockerContainers, connect
from shared.plan import Network
from shared.quota import Quotas
from shared.written import TooDeep, Written
from tests.engine import LIMITS, Runner, base_image, collect, opened

pytestmark = pytest.mark.docker

BINARY = r'binmode STDOUT; print pack("C*", 0 .. 255) x 64, "\r\n\0no newline at the end"'
BINARY_BYTES = bytes(range(256)) * 64 + b"\r\n\0no newline at the end"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    return base_image(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def containers(data: Path) -> Iterator[DockerContainers]:
    with opened(data) as found:
        yield found


@pytest.fixture
def runner(containers: DockerContainers, image: str) -> Iterator[Runner]:
    runner = Runner(containers, image)
    yield runner
    runner.remove_all()


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


def test_a_memory_bomb_is_killed_and_named(runner: Runner) -> None:
    ended = runner.run("perl", "-e", 'push @a, "x" x (1 << 20) while 1')

    assert ended.exit and ended.exit.exit_code == 137 and ended.exit.oom


def test_a_fork_bomb_is_held(runner: Runner) -> None:
    program = "my $n = 0; while (defined(my $p = fork())) { if (!$p) { sleep 9; exit } $n++ } print $n; kill 9, 0"

    ended = runner.run("perl", "-e", f"$| = 1; {program}")

    assert 10 < int(ended.stdout) < LIMITS.pids


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


def test_off_means_no_network_at_all(runner: Runner) -> None:
    ended = runner.run("perl", "-ne", r"print $1 if /^\s*(\S+):/", "/proc/net/dev")

    assert ended.stdout == b"lo"


def test_without_a_packet_filter_nothing_gets_a_network(
    data: Path, image: str, tmp_path: Path
) -> None:
    bare = DockerContainers("none", files=tmp_path, rules={})
    try:
        with pytest.raises(NetworkRefused):
            bare.create(Runner(bare, image).sandbox("true", network=Network(mode="internet")))
        assert bare.list({}) == []
    finally:
        bare.close()


def test_the_sandbox_holds_nothing_and_may_write_nowhere_but_tmp(runner: Runner) -> None:
    script = """
grep -E '^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t '
id -u; id -g; env | sort
for folder in / /etc /usr /var /home /dev /sys /proc; do touch $folder/x 2>/dev/null && echo wrote $folder; done
touch /tmp/x && echo tmp; mount -t tmpfs none /mnt 2>/dev/null && echo mounted
"""
    ended = runner.run("sh", "-c", script, env={"MINE": "1"})

    caps = [f"Cap{name}:{'0' * 16}" for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")]
    assert ended.stdout.decode().split() == [
        *caps,
        *("NoNewPrivs:1", "Seccomp:2", "65532", "65532"),
        *("HOME=/tmp", "HOSTNAME=sandbox", "LANG=C.UTF-8", "MINE=1"),
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        *("PWD=/tmp", "PYTHONUNBUFFERED=1", "tmp"),
    ]


def test_the_working_folder_takes_so_many_bytes_and_files_and_no_more(
    runner: Runner, tmp_path: Path
) -> None:
    quotas = Quotas(tmp_path / "work")
    folder = quotas.make("job", LIMITS.disk_bytes, LIMITS.output_files)
    try:
        ended = runner.run(
            *("sh", "-c", "cat /dev/zero > full; for i in $(seq 900); do : > i$i || exit 7; done"),
            workdir="/work",
            mounts=(Mount(folder, "/work"),),
        )
        written = (folder / "full").stat().st_size
        files = len(list(folder.iterdir()))
    finally:
        quotas.remove("job")

    assert b"No space left" in ended.stderr
    assert LIMITS.disk_bytes <= written < LIMITS.disk_bytes * 5 // 4
    assert LIMITS.output_files <= files < LIMITS.output_files + 50
    assert ended.exit and ended.exit.exit_code != 0
    assert quotas.names() == []


def test_programs_in_tmp_can_be_executed(runner: Runner) -> None:
    script = "printf '#!/bin/sh\\necho ran\\n' > /tmp/x; chmod 755 /tmp/x; exec /tmp/x"

    assert runner.run("sh", "-c", script).stdout == b"ran\n"


def test_tmp_is_bounded_in_bytes_and_files(runner: Runner) -> None:
    script = """
for i in 1 2 3 4 5 6 7 8; do head -c 8388608 /dev/zero > /tmp/f$i; done 2>/dev/null
du -sk /tmp | cut -f1; rm /tmp/f*
perl -e '$n = 0; while ($n < 30000 && open(F, ">", "/tmp/i$n")) { $n++ } print "$n\n"'
"""
    kilobytes, files = runner.run("sh", "-c", script).stdout.split()

    assert int(kilobytes) == LIMITS.memory_bytes // 4 // 1024
    assert 16_000 < int(files) < 16_384


@pytest.mark.parametrize(
    "program",
    [
        "socket(S, 38, 5, 0)",
        "socket(S, 40, 1, 0)",
        "socket(S, 17, 3, 0)",
        "socket(S, (1 << 32) + 38, 5, 0)",
    ],
    ids=["AF_ALG", "AF_VSOCK", "AF_PACKET", "AF_ALG behind high bits"],
)
def test_dangerous_sockets_are_refused(runner: Runner, program: str) -> None:
    ended = runner.run("perl", "-e", f'print {program} ? "made" : "refused"')

    assert ended.stdout == b"refused"


def test_namespaces_keys_and_io_uring_are_refused(runner: Runner) -> None:
    numbers = {"keyctl": 250, "add_key": 248, "bpf": 321, "userfaultfd": 323, "perf": 298}
    numbers |= {"io_uring_setup": 425, "unshare": 272, "clone3": 435}
    calls = ", ".join(f"{name} => {number}" for name, number in numbers.items())
    program = (
        f"my %c = ({calls}); for (sort keys %c) {{ $! = 0;"
        " my $r = syscall($c{$_}, $_ eq 'unshare' ? 0x10000000 : 0, 0, 0, 0, 0);"
        ' print "$_ ", 0 + $!, "\\n" }'
    )
    machine = runner.run("uname", "-m").stdout.strip()
    if machine != b"x86_64":
        pytest.skip("the numbers are those of x86_64")

    found = dict(line.split() for line in runner.run("perl", "-e", program).stdout.splitlines())

    assert found.pop(b"clone3") == b"38"  # ENOSYS: the C library then uses clone
    assert set(found.values()) == {b"1"}, found


def test_a_builds_settings_do_not_stay_in_the_image(
    runner: Runner, containers: DockerContainers
) -> None:
    tag = f"toolyard-test:{runner.sandbox('true').name}"
    name = runner.created(
        *("sh", "-c", 'echo "$PIP_PROXY" > /usr/made; chown 1:1 /usr/made; id -u'),
        kind="build",
        as_root=True,
        read_only=False,
        env={"PIP_PROXY": "http://user:it's secret@proxy"},
        labels={"job": "build_1"},
    )
    containers.start(name)
    containers.wait(name, 20)

    image = containers.commit(name, tag, env={"TOOL": "1"}, labels={"identity": "x"})
    try:
        told = subprocess.run(
            ["docker", "image", "inspect", image], capture_output=True, text=True, check=True
        ).stdout
        made = Runner(containers, image)
        ended = made.run(
            "sh", "-c", "cat /usr/made; echo $TOOL $PIP_PROXY; ls -n /usr/made | cut -c1-20"
        )
        status = containers.status(made.names[0])
        made.remove_all()
        assert containers.image_id(tag) == image
        assert containers.image_size(tag) > 1 << 20
    finally:
        containers.remove_image(tag)

    assert ended.stdout.decode().splitlines()[:2] == ["http://user:it's secret@proxy", "1"]
    assert "secret" not in told
    assert "job" not in json.loads(told)[0]["Config"]["Labels"] or status
    assert status and "job" not in status.labels and "identity" in status.labels
    assert containers.image_id(tag) is None


def test_root_in_a_build_has_only_what_package_tools_need(runner: Runner) -> None:
    ended = runner.run(
        *("grep", "-E", "CapEff|NoNewPrivs|Seccomp:", "/proc/self/status"),
        kind="build",
        as_root=True,
        read_only=False,
    )

    assert ended.stdout.split() == [
        b"CapEff:",
        b"00000000000000cb",
        b"NoNewPrivs:",
        b"1",
        b"Seccomp:",
        b"2",
    ]


def test_what_a_build_adds_to_the_engines_own_files_counts(
    runner: Runner, containers: DockerContainers
) -> None:
    """Those lie on the host's disk beside the container's layer, three files without a quota."""
    script = (
        "for file in hosts hostname resolv.conf; do head -c 4000000 /dev/zero > /etc/$file; done"
    )
    name = runner.started("sh", "-c", script, kind="build", as_root=True, read_only=False)
    assert containers.wait(name, 20)

    assert containers.written(name, Written(1 << 40, 1 << 20)).bytes >= 12_000_000


def test_what_a_container_has_written_is_told_in_both_ways(
    runner: Runner, containers: DockerContainers
) -> None:
    """From its folder, and by the engine where that folder cannot be read."""
    script = "mkdir /srv/d; head -c 300000 /dev/zero > /srv/d/a; truncate -s 4M /srv/d/b"
    nested = "chdir q(/srv); for (1 .. 3000) { mkdir q(d); chdir q(d) or die }"
    writing = {"kind": "build", "as_root": True, "read_only": False}
    name = runner.started("sh", "-c", script, **writing)
    deep = runner.started("perl", "-e", nested, **writing)
    assert containers.wait(name, 20) and containers.wait(deep, 20)

    most = Written(1 << 40, 1 << 20)
    own, engines = containers.written(name, most), containers._engine.written(name)

    assert 4_494_304 <= own.bytes < 4_700_000
    assert 4_494_304 <= engines.bytes < 4_700_000
    assert own.files >= 3
    assert abs(own.files - engines.files) <= 3
    assert containers.written("nobody", most) == containers._engine.written("nobody") == Written()
    for tell in (lambda: containers.written(deep, most), lambda: containers._engine.written(deep)):
        with pytest.raises(TooDeep):
            tell()
