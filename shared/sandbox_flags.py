"""What a sandbox is, in the engine's words: a pure translation of `Sandbox` into a create body."""

import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

from shared.containers import Mount, Sandbox

USER = "65532:65532"
"""Nobody's account on any usual image; working folders are given to it."""
UID = 65532

BUILD_CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID")
"""What apt and dpkg need to unpack files and to become `_apt`; nothing else."""

LINE_BUFFERED = {"LD_PRELOAD": "/usr/libexec/coreutils/libstdbuf.so", "_STDBUF_O": "L"}
"""Makes programs on the C library's stdio print line by line.

For the caller to add to `Sandbox.env`, and only for images that have coreutils: where the file is
missing, the loader writes a warning to the program's own stderr.
"""

LABEL = "toolyard."
INSTALLATION = LABEL + "installation"
KIND = LABEL + "kind"
NETWORK = LABEL + "network"

_STDIN = "/run/toolyard/stdin"
_ENV = "/run/toolyard/env"
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_MIB = 1 << 20


@cache
def seccomp_profile() -> str:
    """The system calls that a sandbox may make, as the engine's JSON."""
    return (Path(__file__).parent / "seccomp.json").read_text()


def network_name(name: str) -> str:
    """The network of the container called `name`."""
    return f"toolyard-{name}"


def env_file(env: dict[str, str]) -> str:
    """`env` as a shell file that is read before a build step starts."""
    for name in env:
        if not _ENV_NAME.match(name):
            raise ValueError(f"{name!r} cannot be the name of an environment variable")
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in env.items())


def _command(sandbox: Sandbox, env_path: Path | None) -> list[str]:
    """The argv, behind a constant script where a file becomes standard input or the environment.

    A mounted file outlives whoever started the container; bytes written to an attached socket would
    be lost with it.
    """
    script = "unset PWD; " + (f". {_ENV}; " if env_path else "") + 'exec "$@"'
    if sandbox.stdin:
        script += f" < {_STDIN}"
    if not env_path and not sandbox.stdin:
        return list(sandbox.argv)
    return ["/bin/sh", "-c", script, "sh", *sandbox.argv]


def _mounts(
    sandbox: Sandbox, env_path: Path | None, own_names: Path | None
) -> list[dict[str, Any]]:
    mounts = list(sandbox.mounts)
    if own_names:
        mounts.append(Mount(own_names, "/etc/hosts", read_only=True))
    if sandbox.stdin:
        mounts.append(Mount(sandbox.stdin, _STDIN, read_only=True))
    if env_path:
        mounts.append(Mount(env_path, _ENV, read_only=True))
    return [
        {
            "Type": "bind",
            "Source": str(mount.host),
            "Target": mount.target,
            "ReadOnly": mount.read_only,
            "BindOptions": {"Propagation": "rprivate"},
        }
        for mount in mounts
    ]


def tmpfs_limits(sandbox: Sandbox) -> tuple[int, int]:
    """Bytes and files of `/tmp`."""
    if sandbox.kind == "run":
        return min(256 * _MIB, sandbox.limits.memory_bytes // 4), 16_384
    return sandbox.limits.memory_bytes // 2, 262_144


def _tmpfs(sandbox: Sandbox) -> dict[str, str]:
    if any(mount.target == "/tmp" for mount in sandbox.mounts):  # noqa: S108 - inside the sandbox
        return {}
    if sandbox.kind == "build" and not sandbox.own_tmp:
        return {}
    size, inodes = tmpfs_limits(sandbox)
    # noexec, the engine's own default, would stop nobody who already runs code here, and breaks
    # wheels, compilers' plug-ins and JITs
    return {"/tmp": f"rw,exec,nosuid,nodev,size={size},nr_inodes={inodes},mode=1777"}  # noqa: S108


def _ulimits(sandbox: Sandbox) -> list[dict[str, Any]]:
    files = 4096 if sandbox.kind == "run" else 16_384
    limits = {
        "nofile": files,
        "core": 0,
        "memlock": 65_536,
        # above the working folder's quota, which a program learns of by an error, not by a signal
        "fsize": sandbox.limits.disk_bytes * 5 // 4,
    }
    return [{"Name": name, "Soft": value, "Hard": value} for name, value in limits.items()]


def log_config(log_bytes: int) -> dict[str, Any]:
    """Holds both streams up to the limit while nobody reads; rotates above it.

    Two files of twice the limit: four times the limit in all, since the driver adds some 35 bytes to
    each line.
    """
    return {
        "Type": "local",
        "Config": {"max-size": str(2 * log_bytes), "max-file": "2", "compress": "false"},
    }


def labels(sandbox: Sandbox, installation: str) -> dict[str, str]:
    """The engine's labels: the caller's own and those that we find our containers by."""
    ours = {LABEL + name: value for name, value in sandbox.labels.items()}
    return ours | {
        INSTALLATION: installation,
        KIND: sandbox.kind,
        NETWORK: sandbox.network.mode,
    }


def at_once(sandbox: Sandbox) -> bool:
    """Whether the engine sets up nothing of a network."""
    return sandbox.brief and sandbox.network.mode == "off"


def create_body(
    sandbox: Sandbox,
    *,
    installation: str,
    env_path: Path | None = None,
    own_names: Path | None = None,
    hosts: dict[str, str] | None = None,
    runtime: str | None = None,
    apparmor: bool = False,
) -> dict[str, Any]:
    """The body of the engine's create call.

    `env_path` is a file that holds the environment instead of the container's settings, which a
    commit would keep; `own_names` is the `/etc/hosts` of a brief one; `hosts` are pinned names;
    `runtime` is an operator's choice such as `runsc`.
    """
    limits = sandbox.limits
    security = ["no-new-privileges=true", "seccomp=" + seccomp_profile()]
    if apparmor:
        security.append("apparmor=docker-default")
    env = {"HOME": "/tmp", "LANG": "C.UTF-8"}  # noqa: S108 - inside the sandbox
    if sandbox.kind == "run":
        env["PYTHONUNBUFFERED"] = "1"
    if not env_path:
        env |= sandbox.env
    host_config: dict[str, Any] = {
        "NetworkMode": "none" if sandbox.network.mode == "off" else network_name(sandbox.name),
        "Privileged": False,
        "ReadonlyRootfs": sandbox.read_only,
        "CapDrop": ["ALL"],
        "CapAdd": list(BUILD_CAPABILITIES) if sandbox.as_root else [],
        "SecurityOpt": security,
        "IpcMode": "private",
        "PidMode": "",
        "UTSMode": "",
        "UsernsMode": "",
        "CgroupnsMode": "private",
        "Init": True,
        "Memory": limits.memory_bytes,
        "MemorySwap": limits.memory_bytes,
        "NanoCpus": int(limits.cpus * 1e9),
        "CpuShares": 512,
        "PidsLimit": limits.pids,
        "OomScoreAdj": 500,
        "OomKillDisable": False,
        "ShmSize": 64 * _MIB,
        "Ulimits": _ulimits(sandbox),
        "Tmpfs": _tmpfs(sandbox),
        "Mounts": _mounts(sandbox, env_path, own_names),
        "LogConfig": log_config(limits.log_bytes),
        "RestartPolicy": {"Name": "no"},
        "AutoRemove": False,
        "ExtraHosts": [f"{name}:{address}" for name, address in (hosts or {}).items()],
        "Devices": [],
        "PublishAllPorts": False,
    }
    if sandbox.network.mode == "hosts":
        # its names are pinned and no resolver is open: any other name fails at once
        host_config |= {"Dns": ["127.0.0.1"], "DnsOptions": ["timeout:1", "attempts:1"]}
    if runtime:
        host_config["Runtime"] = runtime
    return {
        "Image": sandbox.image,
        "Entrypoint": _command(sandbox, env_path),
        "Cmd": [],
        "Healthcheck": {
            "Test": ["NONE"]
        },  # an image's own would be run by the engine, again and again
        "Env": [f"{name}={value}" for name, value in env.items()],
        "User": "0:0" if sandbox.as_root else USER,
        "WorkingDir": sandbox.workdir,
        "Hostname": "sandbox",
        # The engine's own set-up of no network takes longer than a short program, and closes nothing more:
        # either way there is a namespace with a loopback in it.
        "NetworkDisabled": at_once(sandbox),
        "Labels": labels(sandbox, installation),
        "Tty": False,
        "OpenStdin": False,
        "AttachStdin": False,
        "AttachStdout": True,
        "AttachStderr": True,
        "StopSignal": "SIGTERM",
        "HostConfig": host_config,
    }
