"""The doctor's verdicts, and one whole examination of this host."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from shared import doctor, doctor_judgement
from shared.canaries import Target
from shared.containers_docker import DockerContainers, connect
from shared.doctor_judgement import must, report, should
from tests.engine import LIMITS

GOOD = {
    "capeff": "0" * 16,
    "capbnd": "0" * 16,
    "nonewprivs": "1",
    "seccomp": "2",
    "uid": "65532",
    "gid": "65532",
    "root_written": "0",
    "userns": "0",
    "af_alg": "0",
    "af_packet": "0",
    "pids": "60",
    "tmp_bytes": "1000",
    "tmp_files": "10",
    "work_bytes": "16000000",
    "work_files": "500",
    "interfaces": "lo",
    "env": "HOME,HOSTNAME,LANG,PATH,PYTHONUNBUFFERED",
}
BAD = {
    "capeff": "00000000a80425fb",
    "capbnd": "00000000a80425fb",
    "nonewprivs": "0",
    "seccomp": "0",
    "uid": "0",
    "gid": "0",
    "root_written": "1",
    "userns": "1",
    "af_alg": "1",
    "af_packet": "1",
    "pids": "200",
    "tmp_bytes": "5000",
    "tmp_files": "99",
    "work_bytes": "900000000",
    "work_files": "20000",
    "interfaces": "lo,eth0",
    "env": "HOME,HOSTNAME,LANG,PATH,PYTHONUNBUFFERED,AWS_SECRET",
}


def failed(found: dict[str, str]) -> list[str]:
    checks = doctor_judgement.flags(found, LIMITS, tmp_bytes=2000, tmp_files=20)
    return [check.name for check in checks if not check.ok]


def test_a_good_sandbox_passes() -> None:
    assert failed(GOOD) == []


@pytest.mark.parametrize("fact", sorted(BAD))
def test_each_bad_fact_fails(fact: str) -> None:
    assert len(failed(GOOD | {fact: BAD[fact]})) == 1


@pytest.mark.parametrize("fact", sorted(GOOD))
def test_a_fact_that_is_missing_fails(fact: str) -> None:
    assert failed({name: value for name, value in GOOD.items() if name != fact})


def test_only_mandatory_failures_stop_work() -> None:
    assert report([must("a", True, ""), should("b", False, "advice")], 1).ok
    stopped = report([must("a", False, "because"), must("c", True, "")], 1)
    assert not stopped.ok
    assert stopped.reason == "a: because"


def test_a_canary_that_answers_is_a_failure_and_a_dead_canary_proves_nothing() -> None:
    shut, wide = Target("x", "10.0.0.1", 80), Target("y", "1.2.3.4", 80, open=True)
    answers = {shut.where: "closed refused", wide.where: "open word", "ipv6": "0"}

    def names(found: dict[str, str]) -> list[str]:
        checks = doctor_judgement.network("run", [shut, wide], found, "word")
        return [check.name for check in checks if not check.ok]

    assert names(answers) == []
    assert names(answers | {shut.where: "open word"}) == ["run network, x"]
    assert names(answers | {shut.where: "open strange"}) == ["run network, x"]
    assert names(answers | {wide.where: "closed refused"}) == ["run network, y"]
    assert names(answers | {"ipv6": "1"}) == ["run network, IPv6"]
    assert len(names({})) == 3
    assert doctor_judgement.control([shut], {shut.where: "open word"}, "word").ok
    assert not doctor_judgement.control([shut], {shut.where: "closed timeout"}, "word").ok


def test_only_an_examination_without_its_controls_is_made_again() -> None:
    shut = Target("10/8", "10.1.1.1", 80)
    unreached = doctor_judgement.control([shut], {}, "word")
    open_target = must("run network, 10/8", False, "10.1.1.1:80 must be closed: open")
    assert doctor_judgement.proves_nothing([unreached, must("seccomp", True, "")])
    assert not doctor_judgement.proves_nothing([unreached, open_target])
    assert not doctor_judgement.proves_nothing([open_target])
    assert not doctor_judgement.proves_nothing(
        [must("seccomp", True, ""), should("gVisor", False, "")]
    )


def test_an_engine_without_limits_is_refused() -> None:
    whole = {"MemoryLimit": True, "SwapLimit": True, "PidsLimit": True, "CpuCfsQuota": True}
    whole |= {"SecurityOptions": ["name=seccomp,profile=default"], "ServerVersion": "29.1.0"}

    assert report(doctor_judgement.engine(whole), 0).ok
    for key in whole:
        if key != "ServerVersion":
            assert not report(doctor_judgement.engine(whole | {key: None}), 0).ok, key
    asked: Any = SimpleNamespace(info=lambda: whole | {"PidsLimit": None}, rules={})
    assert doctor.quick(asked) == "cgroup limits: missing: processes"


@pytest.mark.parametrize(
    ("exit_code", "oom", "ok"),
    [(137, True, True), (137, False, False), (0, True, False), (None, False, False)],
)
def test_a_limit_of_memory_ends_the_probe_and_says_so(
    exit_code: int | None, oom: bool, ok: bool
) -> None:
    assert doctor_judgement.memory(exit_code, oom).ok == ok


def test_an_engine_that_is_away_is_the_reason(tmp_path: Path) -> None:
    away = connect(tmp_path, socket=f"unix://{tmp_path}/none.sock")

    found = doctor.examine(away, tmp_path)

    assert not found.ok
    assert "does not answer" in found.reason
    assert "does not answer" in doctor.quick(away)


@pytest.mark.docker
@pytest.mark.slow
def test_this_host_passes_and_nothing_is_left(
    containers: DockerContainers, image: str, tmp_path: Path
) -> None:
    def traces() -> str:
        mine = containers.installation
        commands = (
            ["docker", "ps", "-aq", "--filter", f"label=toolyard.installation={mine}"],
            ["docker", "network", "ls", "-q", "--filter", f"label=toolyard.installation={mine}"],
            ["ip", "netns", "list"],
            ["ip", "-o", "link", "show"],
            ["losetup", "-a"],
        )
        lines = "".join(subprocess.check_output(argv, text=True) for argv in commands).splitlines()
        return "\n".join(line for line in lines if mine in line or str(tmp_path) in line)

    assert doctor.quick(containers) == ""
    done = subprocess.run(
        [sys.executable, "-m", "shared.doctor", "--json"],
        umask=0o007,  # as in its unit: what the probe reads must not be ours alone
        env=os.environ | {"TOOLYARD_DATA": str(tmp_path), "TOOLYARD_BUILD_ALLOW": "10.99.0.7:8443"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = doctor_judgement.Report.model_validate(json.loads(done.stdout))

    assert found.reason == ""
    assert done.returncode == 0
    assert {"memory", "seccomp", "run network, another sandbox"} <= {c.name for c in found.checks}
    assert "build network, allowed 10.99.0.7:8443" in {check.name for check in found.checks}
    assert traces() == ""
