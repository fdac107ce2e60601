"""Every flag of a sandbox, compared with what was agreed."""

import ast
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.containers import Mount, Sandbox
from shared.plan import Network
from shared.sandbox_flags import create_body, env_file, seccomp_profile
from shared.work import BUILD_LIMITS, Limits

RUN = Sandbox(
    name="run-7",
    image="sha256:abc",
    argv=["tool", "--x", "a b"],
    kind="run",
    limits=Limits(),
    env={"MINE": "1"},
    labels={"job": "run_1", "fence": "3", "attempt": "a1", "deadline": "99"},
    mounts=(Mount(Path("/data/work"), "/work"),),
)

GOLDEN_HOST: dict[str, Any] = {
    "NetworkMode": "none",
    "Privileged": False,
    "ReadonlyRootfs": True,
    "CapDrop": ["ALL"],
    "CapAdd": [],
    "IpcMode": "private",
    "PidMode": "",
    "UTSMode": "",
    "UsernsMode": "",
    "CgroupnsMode": "private",
    "Init": True,
    "Memory": 1 << 30,
    "MemorySwap": 1 << 30,
    "NanoCpus": 1_000_000_000,
    "CpuShares": 512,
    "PidsLimit": 256,
    "OomScoreAdj": 500,
    "OomKillDisable": False,
    "ShmSize": 64 << 20,
    "Ulimits": [
        {"Name": "nofile", "Soft": 4096, "Hard": 4096},
        {"Name": "core", "Soft": 0, "Hard": 0},
        {"Name": "memlock", "Soft": 65_536, "Hard": 65_536},
        {"Name": "fsize", "Soft": 5 << 28, "Hard": 5 << 28},
    ],
    "Tmpfs": {"/tmp": "rw,exec,nosuid,nodev,size=268435456,nr_inodes=16384,mode=1777"},
    "Mounts": [
        {
            "Type": "bind",
            "Source": "/data/work",
            "Target": "/work",
            "ReadOnly": False,
            "BindOptions": {"Propagation": "rprivate"},
        }
    ],
    "LogConfig": {
        "Type": "local",
        "Config": {"max-size": "134217728", "max-file": "2", "compress": "false"},
    },
    "RestartPolicy": {"Name": "no"},
    "AutoRemove": False,
    "ExtraHosts": [],
    "Devices": [],
    "PublishAllPorts": False,
}
GOLDEN: dict[str, Any] = {
    "Image": "sha256:abc",
    "Entrypoint": ["tool", "--x", "a b"],
    "Cmd": [],
    "Healthcheck": {"Test": ["NONE"]},
    "Env": ["HOME=/tmp", "LANG=C.UTF-8", "PYTHONUNBUFFERED=1", "MINE=1"],
    "User": "65532:65532",
    "WorkingDir": "/work",
    "Hostname": "sandbox",
    "NetworkDisabled": False,
    "Labels": {
        "toolyard.job": "run_1",
        "toolyard.fence": "3",
        "toolyard.attempt": "a1",
        "toolyard.deadline": "99",
        "toolyard.installation": "inst",
        "toolyard.kind": "run",
        "toolyard.network": "off",
    },
    "Tty": False,
    "OpenStdin": False,
    "AttachStdin": False,
    "AttachStdout": True,
    "AttachStderr": True,
    "StopSignal": "SIGTERM",
}


def body(sandbox: Sandbox, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    made = create_body(sandbox, installation="inst", **options)
    return made, made.pop("HostConfig")


def test_a_runs_flags_are_exactly_these() -> None:
    made, host = body(RUN)

    security = host.pop("SecurityOpt")
    assert made == GOLDEN
    assert host == GOLDEN_HOST
    assert security == ["no-new-privileges=true", "seccomp=" + seccomp_profile()]


def test_a_builds_flags_differ_only_where_they_must() -> None:
    sandbox = replace(RUN, kind="build", limits=BUILD_LIMITS, as_root=True, read_only=False)

    made, host = body(sandbox, env_path=Path("/data/env"))

    assert host["CapDrop"] == ["ALL"]
    assert host["CapAdd"] == ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"]
    assert host["SecurityOpt"] == body(RUN)[1]["SecurityOpt"]
    assert (made["User"], host["ReadonlyRootfs"]) == ("0:0", False)
    assert (host["Memory"], host["PidsLimit"], host["NanoCpus"]) == (4 << 30, 1024, 2_000_000_000)
    assert made["Env"] == ["HOME=/tmp", "LANG=C.UTF-8"]
    assert "MINE" not in json.dumps([made, host])


def test_a_brief_one_has_no_network_of_the_engines_and_its_own_names() -> None:
    made, host = body(replace(RUN, brief=True), own_names=Path("/data/hosts"))
    reaching, _ = body(replace(RUN, brief=True, network=Network(mode="internet")))

    assert (made["NetworkDisabled"], host["NetworkMode"]) == (True, "none")
    names = host["Mounts"][-1]
    assert (names["Target"], names["ReadOnly"]) == ("/etc/hosts", True)
    assert not reaching["NetworkDisabled"]


def test_a_build_without_root_has_no_capability_at_all() -> None:
    made, host = body(replace(RUN, kind="build"))

    assert (host["CapDrop"], host["CapAdd"], made["User"]) == (["ALL"], [], "65532:65532")


def test_words_of_strangers_are_arguments_of_a_constant_script() -> None:
    script = body(replace(RUN, argv=["true"], stdin=Path("/in")))[0]["Entrypoint"][:3]

    for argv in (["$(id)", "; id", "`id`"], ["-c", "id"], ["A=1", "id"]):
        made, host = body(replace(RUN, argv=argv, stdin=Path("/in")))
        assert made["Entrypoint"] == [*script, "sh", *argv]
        assert host["Mounts"][-1]["ReadOnly"] is True


def test_environment_files_quote_values_and_refuse_odd_names() -> None:
    assert env_file({"A": "x'; id; '"}) == "export A='x'\"'\"'; id; '\"'\"''\n"
    for name in ("A B", "1A", "A=B", "A\nB", ""):
        with pytest.raises(ValueError, match="environment variable"):
            env_file({name: "x"})


def test_a_sandbox_with_a_network_gets_one_of_its_own() -> None:
    _, host = body(replace(RUN, network=Network(mode="internet")))

    assert host["NetworkMode"] == "toolyard-run-7"


def test_apparmor_is_named_only_where_it_is() -> None:
    assert "apparmor=docker-default" in body(RUN, apparmor=True)[1]["SecurityOpt"]
    assert "Runtime" not in body(RUN)[1]
    assert body(RUN, runtime="runsc")[1]["Runtime"] == "runsc"


def test_the_seccomp_profile_allows_by_name_and_not_these() -> None:
    profile = json.loads(seccomp_profile())
    allowed = {
        name
        for rule in profile["syscalls"]
        if rule["action"] == "SCMP_ACT_ALLOW" and "args" not in rule
        for name in rule["names"]
    }
    refused = {"bpf", "userfaultfd", "perf_event_open", "keyctl", "add_key", "request_key"}
    refused |= {"io_uring_setup", "io_uring_enter", "io_uring_register", "clone", "clone3"}
    refused |= {"unshare", "setns", "mount", "umount2", "pivot_root", "socket", "socketcall"}
    refused |= {"kexec_load", "init_module", "finit_module", "open_by_handle_at", "ptrace_attach"}

    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    assert not allowed & refused
    assert {"read", "execve", "openat", "futex", "rseq", "statx"} <= allowed


def _sources() -> list[Path]:
    root = Path(__file__).parents[2]
    folders = ("shared", "builder_service", "runner_service", "web", "cli", "notifier")
    return [path for folder in folders for path in sorted((root / folder).rglob("*.py"))]


_SDK = {f"shared/{name}.py" for name in ("containers_docker", "docker_engine", "docker_images")}


def _name(path: Path) -> str:
    return path.relative_to(Path(__file__).parents[2]).as_posix()


def test_neither_archive_nor_exec_is_ever_called() -> None:
    """The archive API runs a stranger's files as the engine (CVE-2026-41567); exec joins a sandbox."""
    banned = re.compile(r"(put|get)_archive|exec_(create|start|run|inspect)|containers/.*/archive")

    found = {
        (_name(path), node.attr)
        for path in _sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and banned.search(node.attr)
    }
    raw = "".join(path.read_text() for path in _sources() if _name(path) in _SDK)
    calls = set(re.findall(r'"(?:GET|POST|PUT)", name, "(\w+)"|_url\(name, "(\w+)"\)', raw))

    assert found == set()
    assert {"".join(call) for call in calls} == {"attach", "changes", "logs", "json", "wait"}
    assert raw.count("/containers/") == 1


def test_only_the_adapter_imports_the_sdk() -> None:
    importers = {
        _name(path)
        for path in _sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "docker")
        or (
            isinstance(node, ast.Import)
            and any(each.name.split(".")[0] == "docker" for each in node.names)
        )
    }

    assert importers == _SDK
