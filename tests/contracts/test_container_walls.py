"""What keeps a program in, on the real engine: network, memory, processes, disk, system calls; and builds."""

import json
import subprocess
from pathlib import Path

import pytest

from shared.containers import (
    Mount,
    NetworkRefused,
)
from shared.containers_docker import DockerContainers
from shared.plan import Network
from shared.quota import Quotas
from shared.written import TooDeep, Written
from tests.engine import LIMITS, Runner

pytestmark = pytest.mark.docker


def test_a_memory_bomb_is_killed_and_named(runner: Runner) -> None:
    ended = runner.run("perl", "-e", 'push @a, "x" x (1 << 20) while 1')

    assert ended.exit and ended.exit.exit_code == 137 and ended.exit.oom


def test_a_fork_bomb_is_held(runner: Runner) -> None:
    program = "my $n = 0; while (defined(my $p = fork())) { if (!$p) { sleep 9; exit } $n++ } print $n; kill 9, 0"

    ended = runner.run("perl", "-e", f"$| = 1; {program}")

    assert 10 < int(ended.stdout) < LIMITS.pids


@pytest.mark.parametrize("brief", [False, True])
def test_off_means_no_network_at_all(runner: Runner, brief: bool) -> None:
    """And a program may still talk to itself."""
    program = (
        "use Socket; open F, q(/proc/net/dev); print map { /^\\s*(\\S+):/ ? $1 : () } <F>;"
        "socket S, PF_INET, SOCK_STREAM, 0; bind S, sockaddr_in 0, inet_aton q(localhost); listen S, 1;"
        "socket T, PF_INET, SOCK_STREAM, 0; connect T, getsockname S or die; print q( itself)"
    )
    ended = runner.run("perl", "-e", program, brief=brief)

    assert ended.stdout == b"lo itself", ended


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
        brief=True,
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
    assert not json.loads(told)[0]["Config"].get("NetworkDisabled")
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
    with pytest.raises(TooDeep):
        containers.written(deep, most)
    with pytest.raises(TooDeep):
        containers._engine.written(deep)
