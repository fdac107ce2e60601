"""Repositories that attack their builder: each ends with a reason, and nobody else notices."""

import json
import secrets
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from builder_service import bases
from builder_service.make_tool import container_prefix
from shared import doctor, doctor_judgement, doctor_probes
from shared.canaries import Canaries, Listeners, Target
from shared.containers import Sandbox
from shared.doctor_examination import FORBIDDEN, OPEN
from shared.plan import Network
from tests.builder_service.conftest import LIMITS, Attempt, Bench, Files
from tests.builder_service.fetching import commit_entries
from tests.builder_service.test_building import python, run
from tests.engine import Runner
from tests.git_server import git

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(300)]

MIB = 1 << 20
TOOL = '#!/bin/sh\necho "usage: tool FILE"\n'


@pytest.fixture(scope="module", autouse=True)
def base_images(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Made before, since an attack's short limits would also end the making of them."""
    with bench.steps(tmp_path_factory.mktemp("log") / "log") as steps:
        for name in ("shell", "docker-debian", "python"):
            bases.ensure(name, steps, bench.data, bench.data / "builder")


def step(*scripts: str) -> Files:
    """A repository whose build runs these shell scripts, each as a step of its own."""
    steps = [
        {"name": f"attack {number}", "argv": ["sh", f"attack{number}"]}
        for number, _ in enumerate(scripts)
    ]
    files = {f"attack{number}": text for number, text in enumerate(scripts)}
    return {"tool*": TOOL, "toolyard.yaml": json.dumps({"steps": steps}), **files}


def perl(program: str) -> str:
    assert "'" not in program
    return f"exec perl -e '{program}'\n"


BOMB = perl("fork while 1")
MANY = "for $n (0 .. $ARGV[0]) { mkdir $d = $n - $n % 1000; open my $f, q(>), qq($d/f$n) }"
NESTED = "for (1 .. 2000) { mkdir q(d); chdir q(d) or die } chdir q(/work); "
DEEP = "for (1 .. 3000) { mkdir q(d); chdir q(d) or die } open my $f, q(>), q(x)"


@pytest.mark.parametrize(
    ("files", "limits", "sentence"),
    [
        (
            step(perl("while (1) { defined(my $p = fork) or die qq(Cannot fork: $!\\n); $p or sleep 60 }")),
            {"pids": 64},
            "The step “attack 0” wanted more than 64 processes at the same time.",
        ),
        (
            step(perl(doctor_probes.MEMORY)),
            {"memory_bytes": 96 * MIB},
            "The step “attack 0” needed more than 96 MiB of memory.",
        ),
        (
            step(perl(MANY + "sleep 3600").replace("$ARGV[0]", "6000")),
            {"disk_files": 5000},
            "The build made more than 5000 files and folders.",
        ),
        (
            step(perl(MANY).replace("$ARGV[0]", "6000")),
            {"disk_files": 5000},
            "The build made more than 5000 files and folders.",
        ),
        (
            step("truncate -s 60M a b c d e\n"),
            {"disk_bytes": 100 * MIB},
            "The build wrote more than 100 MiB to disk.",
        ),
        (
            step(*[f"head -c 20M /dev/urandom > f{n}\n" for n in range(3)]),
            {"disk_bytes": 50 * MIB},
            "The build wrote more than 50 MiB to disk.",
        ),
        (
            step(perl(DEEP)),
            {},
            "The build made more than 100 folders in one another",
        ),
    ],
    ids=["processes", "memory", "files-live", "files-at-end", "holes", "step-by-step", "nested"],
)  # fmt: skip
def test_a_step_that_takes_too_much_is_ended_with_its_reason(
    bench: Bench, files: Files, limits: dict[str, int], sentence: str
) -> None:
    attempt = bench.attempt(
        bench.repository("greedy", files),
        limits=LIMITS.model_copy(update={"wall_seconds": 60, **limits}),
    )

    report = attempt.live()

    assert (report.state, report.image) == ("failed", None), attempt.log
    assert report.reason.startswith(sentence)
    assert bench.left() == []


def test_a_neighbour_builds_and_answers_while_a_fork_bomb_goes_off(
    bench: Bench, tmp_path: Path
) -> None:
    bomb = bench.attempt(
        bench.repository("bomb", step(BOMB)),
        limits=LIMITS.model_copy(update={"wall_seconds": 10, "pids": 200}),
    )
    thread = threading.Thread(target=bomb.live)
    thread.start()

    report = bench.attempt(bench.repository("peaceful", {"tool*": TOOL}), scope="acc_2").live()
    assert report.state == "succeeded" and report.image
    said = run(bench, report.image, report.commands[0], [], tmp_path / "work")
    thread.join()

    assert said.startswith("usage: tool")
    assert bomb.control.reports[0].state == "timed_out"
    assert "did not end within 10 s" in bomb.control.reports[0].reason
    assert bench.left() == []


def test_a_tool_that_attacks_when_it_is_tried_fills_only_its_own_folder(bench: Bench) -> None:
    count = "$n = 0; while (-e qq($n) or open my $f, q(>), qq($n)) { last if ++$n >= 12000 } print qq(usage: $n files\\n);"
    files = {
        "toolyard.yaml": "system_packages: []",
        "tool*": f'#!/bin/sh\n[ "$1" = --help ] || exit 0\n{perl(NESTED + count)}',
    }
    attempt = bench.attempt(bench.repository("late", files))

    report = attempt.live()

    assert report.state == "succeeded", attempt.log
    made = int(attempt.log.split("usage: ")[1].split(" files")[0])
    assert 5000 < made < 11_000
    assert attempt.build._workshop.trials.names() == []
    assert str(bench.data) not in Path("/proc/mounts").read_text()


@contextmanager
def canaries(bench: Bench) -> Iterator[list[Target]]:
    """Listeners for whatever a build's step tries; its packets meet them or nobody, never the real network."""
    targets = [each for each in (*FORBIDDEN, *OPEN) if each.protocol == "tcp"]
    real = bench.containers.create
    with ExitStack() as stack:
        doctor.lock_host(stack)
        listeners = Listeners("canary")
        stack.callback(listeners.close)
        planted = Canaries(bench.containers.installation, listeners)
        stack.callback(planted.remove)
        planted.plant(targets)
        host = planted.host_address
        own = Target("the host", host, listeners.listen(host, 0))
        listeners.start()

        def create(sandbox: Sandbox) -> None:
            real(sandbox)
            # our own script of packages, with which a base image may have to be made first, starts with bash
            if sandbox.network.mode != "off" and sandbox.argv[0] != "bash":
                planted.divert(bench.containers.rules[sandbox.kind].bridge(sandbox))

        bench.containers.create = create  # type: ignore[method-assign]
        stack.callback(setattr, bench.containers, "create", real)
        yield [*targets, own]


PROBE = "import subprocess; subprocess.run(['perl', 'probe.pl'], stdin=open('targets')); sys.exit('the end')"


@pytest.mark.parametrize(
    "files",
    [
        python(PROBE),
        {
            "tool*": TOOL,
            "Dockerfile": "FROM debian\nCOPY . /app\nWORKDIR /app\nRUN perl probe.pl < targets; exit 7\n"
            'ENTRYPOINT ["/app/tool"]\n',
        },
    ],
    ids=["native-step", "own-dockerfile-as-root"],
)
def test_a_step_reaches_neither_metadata_nor_private_addresses_nor_the_host(
    bench: Bench, files: Files
) -> None:
    with canaries(bench) as targets:
        listed = "".join(f"{target.where}\n" for target in targets)
        attempt = bench.attempt(
            bench.repository(
                "reaching", {**files, "probe.pl": doctor_probes.CONNECT, "targets": listed}
            )
        )
        report = attempt.live()

    said = "\n".join(line.strip() for line in attempt.log.splitlines())
    found = doctor_judgement.answers(said)
    reached = {target.name for target in targets if found[target.where] == "open canary"}
    refused = {target.name for target in targets if found[target.where].startswith("closed")}
    assert reached == {target.name for target in OPEN if target.protocol == "tcp"}
    assert reached | refused == {target.name for target in targets}
    assert "failed with exit code" in report.plans_tried[0].reason


def test_addresses_in_a_repository_are_not_fetched_by_the_builder_itself(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        where = f"http://127.0.0.1:{listener.getsockname()[1]}"
        bare = bench.server.root / "addressed.git"
        bare.mkdir()
        git("init", "--quiet", "--bare", "--initial-branch=main", folder=bare)
        modules = f'[submodule "x"]\n\tpath = sub\n\turl = {where}/x.git\n'
        dockerfile = f'FROM debian\nCOPY . /app\nADD {where}/x /x\nENTRYPOINT ["/app/tool"]\n'
        commit_entries(
            bare,
            [
                ("100644", ".gitmodules", modules.encode()),
                ("100644", "Dockerfile", dockerfile.encode()),
                ("160000", "sub", b""),
                ("100755", "tool", TOOL.encode()),
            ],
        )

        report = bench.attempt(bench.server.link("addressed")).live()

        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()
        with socket.create_connection(listener.getsockname()):
            listener.accept()[0].close()  # it would have noticed
    assert report.state == "succeeded" and report.plan and report.plan.runtime == "shell"
    refusal = f"ADD of {where}/x would be fetched outside of the sandbox (line 3)"
    assert any(refusal in line for line in report.plan.evidence)


CAPABILITY = (
    "my $n = `uname -m` =~ /x86_64/ ? 188 : 5; my $p = q(/app/own); my $k = q(security.capability); my $v = pack(q(V5), 0x02000001, 0xffffffff, 0, 0, 0);"
    " print syscall($n, $p, $k, $v, 20, 0) ? q(no) : q(a), qq( capability\n)"
)
WISHES = """\
FROM debian
LABEL toolyard.installation=other toolyard.kind=run
ENV LD_PRELOAD=/app/evil.so PATH=/app/evil:$PATH PYTHONPATH=/app HOME=/root
VOLUME /var/run
EXPOSE 22
COPY . /app
RUN sh /app/attack
USER nobody
RUN echo "inside: $(/app/rootid -u)"
USER root
ENTRYPOINT ["/app/tool"]
"""
ATTACK = f"""\
cp /usr/bin/id /app/own; cp /usr/bin/id /app/rootid; chmod 6755 /app/rootid
perl -e '{CAPABILITY}'
mknod /app/memory c 1 1 || echo no device
echo poison > /usr/local/share/poison; echo poison >> /etc/passwd
"""
NOBODY = """\
#!/bin/sh
echo "usage: tool"
echo "user $(id -u) $(id -g) $(/app/rootid -u)"
grep -E '^(CapEff|CapPrm|CapBnd|NoNewPrivs)' /proc/self/status | tr '\\t\\n' ' ,'
echo; echo "marked: $(find / -xdev -perm /6000 -type f 2>/dev/null | tr '\\n' ' ')"
touch /usr/written 2>/dev/null && echo written
exit 0
"""


def test_whatever_a_dockerfile_wants_to_be_its_tool_is_nobody(bench: Bench, tmp_path: Path) -> None:
    attempt = bench.attempt(
        bench.repository("wishes", {"Dockerfile": WISHES, "attack": ATTACK, "tool*": NOBODY}),
        runtime="dockerfile",
    )

    report = attempt.live()

    assert report.state == "succeeded" and report.image, attempt.log
    said = run(bench, report.image, report.commands[0], [], tmp_path / "work")
    assert "user 65532 65532 65532\n" in said
    none = "0" * 16
    assert f"CapPrm: {none},CapEff: {none},CapBnd: {none},NoNewPrivs: 1," in said
    assert "marked: \n" in said and "written" not in said
    for line in ("inside: 65534", "no capability", "no device"):
        assert f"{line}\n" in attempt.log
    inspected = subprocess.run(
        ["docker", "image", "inspect", report.image], capture_output=True, check=True
    ).stdout
    config = json.loads(inspected)[0]["Config"]
    assert config["Labels"]["toolyard.installation"] == bench.containers.installation
    assert not config.get("Volumes") and not config.get("ExposedPorts")

    look = 'FROM debian\nCOPY . /app\nRUN cat /etc/passwd; ls /usr/local/share\nENTRYPOINT ["/app/tool"]\n'
    after = bench.attempt(bench.repository("after", {"Dockerfile": look, "tool*": TOOL}))
    assert after.live().state == "succeeded"
    assert "nobody:x:65534" in after.log and "poison" not in after.log


def test_a_setuid_file_makes_nobody_root_in_a_run(bench: Bench) -> None:
    """Also where it was not taken away, as in what Debian packages install."""
    base = bench.attempt(bench.repository("any", {"tool*": TOOL})).live().image
    assert base
    tag = f"toolyard-step:test-{secrets.token_hex(8)}"
    runner = Runner(bench.containers, base)
    network = Network()
    script = "cp /usr/bin/id /rootid; chmod 4755 /rootid"
    made = runner.sandbox(
        "sh", "-c", script, kind="build", as_root=True, read_only=False, network=network
    )
    try:
        bench.containers.create(made)
        bench.containers.start(made.name)
        ended = bench.containers.wait(made.name, 30)
        assert ended and ended.exit_code == 0
        runner.image = bench.containers.commit(made.name, tag, env={}, labels={})

        said = runner.run("sh", "-c", "stat -c %u:%a /rootid; /rootid -u").stdout.decode()
    finally:
        runner.remove_all()
        bench.containers.remove_image(tag)

    assert said == "0:4755\n65532\n"


def stamp(attempt: Attempt) -> str:
    """What the attempt's step drew by lot, as its tool tells it."""
    assert attempt.live().state == "succeeded", attempt.log
    return attempt.log.split("usage: stamp ")[1].split()[0]


def test_what_one_accounts_build_has_made_is_served_to_no_other(bench: Bench) -> None:
    files = {
        **step(f"# {secrets.token_hex(8)}\nod -An -N8 -tx8 /dev/urandom > stamp\n"),
        "tool*": '#!/bin/sh\necho "usage: stamp $(cat /app/stamp)"\n',
    }
    first, second = bench.repository("first", files), bench.repository("second", files)
    own = stamp(bench.attempt(first, scope="acc_1"))

    other = bench.attempt(first, scope="acc_2", account="acc_2")
    public = bench.attempt(first)
    again = bench.attempt(second, scope="acc_1")

    assert len({own, stamp(other), stamp(public)}) == 3
    assert "kept from an earlier build" not in other.log + public.log
    assert stamp(again) == own  # the same steps of the same account are found again
    assert "attack 0: kept from an earlier build" in again.log


def test_parallel_builds_of_two_accounts_see_nothing_of_each_other(bench: Bench) -> None:
    attempts = []
    for number in range(2):
        look = (
            f"touch /tmp/mark-{number} /app/mark-{number} /dev/shm/mark-{number}; sleep 4\n"
            "find / /tmp /dev/shm -xdev -name 'mark-?' 2>/dev/null | sed s,^,saw:,\n"
            "tr '\\0' ' ' < /proc/self/mountinfo | sed s,^,mount:,; ls -d /proc/[0-9]* | wc -l | sed s,^,processes:,\n"
        )
        link = bench.repository(f"parallel-{number}", step(look))
        attempts.append(bench.attempt(link, scope=f"acc_{number}", account=f"acc_{number}"))
    threads = [threading.Thread(target=attempt.live) for attempt in attempts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for number, attempt in enumerate(attempts):
        assert attempt.control.reports[0].state == "succeeded", attempt.log
        seen = {line for line in attempt.log.splitlines() if line.startswith("saw:")}
        assert seen == {f"saw:{folder}/mark-{number}" for folder in ("/tmp", "/app", "/dev/shm")}
        own, others = (
            container_prefix(each.assignment) for each in (attempt, attempts[1 - number])
        )
        assert (
            own in attempt.log and others not in attempt.log
        )  # as mounts tell where they come from
        processes = int(attempt.log.split("processes:")[1].split()[0])
        assert processes < 10
