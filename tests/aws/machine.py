"""A fresh Debian system in a container of this host's engine that does what EC2 does with user data.

It has the host's network, as the emulated AWS and the fake metadata service listen on 127.0.0.1 only,
and for workers the host's engine: its data folder lies at the same path inside and outside.
"""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.build_settings import pip_settings
from shared import debian_base

LABEL = "toolyard.test=user-data"
_CERTIFICATES = Path("/usr/local/share/ca-certificates")
_RIGHTS = ("SYS_ADMIN", "NET_ADMIN", "DAC_READ_SEARCH")
"""What a worker's root needs: working folders are file systems, sandboxes have packet rules."""
_NO_DAEMONS = "#!/bin/sh\nexit 101\n"
"""Debian's way to say that installing a package starts no service: this is no machine of its own."""


@dataclass
class Machine:
    """One that has been started with user data."""

    container: str
    folder: Path

    def execute(self, *argv: str, seconds: float = 60) -> "subprocess.CompletedProcess[str]":
        """Run something in it."""
        return subprocess.run(
            ["docker", "exec", self.container, *argv],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def log(self, service: str) -> str:
        return self.execute("cat", f"/var/log/toolyard/{service}.log").stdout

    def first_start(self, user_data: str, seconds: float) -> str:
        """What cloud-init does: write the script down and run it as root, once; what it said."""
        script, log = self.folder / "user-data", self.folder / "user-data.log"
        script.write_text(user_data)
        script.chmod(0o700)
        begun = ["sh", "-c", 'exec "$0" >"$1" 2>&1', str(script), str(log)]
        try:
            done = self.execute(*begun, seconds=seconds)
        except subprocess.TimeoutExpired as late:
            said = log.read_text(errors="replace")
            raise AssertionError(f"no end within {seconds:g} s:\n{said[-5000:]}") from late
        said = log.read_text(errors="replace")
        assert done.returncode == 0, said[-5000:]
        return said


@contextmanager
def booted(
    image: str, folder: Path, environment: Mapping[str, str], *, mounts: tuple[Path, ...] = ()
) -> Iterator[Machine]:
    """A machine that has not seen its user data yet; nothing of it is left afterwards."""
    tree = Path(tempfile.mkdtemp(prefix="toolyard-user-data-", dir=folder))
    tree.chmod(0o755)  # web and utility have a user of their own
    # What the worker mounts below it is seen by the engine, as on a machine of its own.
    for options in (["--bind", str(tree), str(tree)], ["--make-shared", str(tree)]):
        subprocess.run(["mount", *options], check=True)
    (tree / "policy-rc.d").write_text(_NO_DAEMONS)
    (tree / "policy-rc.d").chmod(0o755)
    (tree / "fast.cfg").write_text("force-unsafe-io\n")  # nobody needs this disk after a crash
    shown = {
        tree: tree,
        tree / "policy-rc.d": Path("/usr/sbin/policy-rc.d"),
        tree / "fast.cfg": Path("/etc/dpkg/dpkg.cfg.d/fast"),
        Path("/var/run/docker.sock"): Path("/var/run/docker.sock"),
        Path("/dev"): Path("/dev"),  # loop devices
        **{path: path for path in (*_of_the_host(), *mounts)},
    }
    argv = ["docker", "run", "--detach", "--init", "--network", "host", "--label", LABEL]
    argv += [option for name in _RIGHTS for option in ("--cap-add", name)]
    argv += ["--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"]
    argv += ["--device-cgroup-rule", "b *:* rmw", "--device-cgroup-rule", "c *:* rmw"]
    for source, target in shown.items():
        shared = ",bind-propagation=rshared" if source == tree else ""
        argv += ["--mount", f"type=bind,src={source},dst={target}{shared}"]
    told = {**_of_pip(), "PIP_NO_COMPILE": "1", **environment, "TOOLYARD_DATA": str(tree / "data")}
    for name, value in told.items():
        argv += ["--env", f"{name}={value}"]
    started = subprocess.run(
        [*argv, image, "sleep", "infinity"], capture_output=True, text=True, check=False
    )
    container = started.stdout.strip()
    machine = Machine(container, tree)
    try:
        assert started.returncode == 0, started.stderr
        machine.execute("update-ca-certificates")
        yield machine
    finally:
        subprocess.run(
            ["docker", "rm", "--force", "--volumes", container], capture_output=True, check=False
        )
        subprocess.run(["umount", "--recursive", tree], capture_output=True, check=False)
        shutil.rmtree(tree, ignore_errors=True)


def _of_the_host() -> list[Path]:
    """Where this host's apt and pip find packages, and whom they trust."""
    found = [Path("/etc/apt"), Path("/usr/share/keyrings"), _CERTIFICATES, Path("/etc/pip.conf")]
    pip = pip_settings()
    for name in ("extra-index-url", "find-links"):
        for place in pip.get(name, "").split():
            path = Path(place.removeprefix("file://"))
            found.append(path.parent if path.name == "simple" else path)
    return [path for path in found if path.is_absolute() and path.exists()]


def _of_pip() -> dict[str, str]:
    pip = pip_settings()
    names = ("index-url", "extra-index-url", "find-links")
    found = {f"PIP_{name.replace('-', '_').upper()}": pip[name] for name in names if name in pip}
    return {**found, "PIP_CERT": "/etc/ssl/certs/ca-certificates.crt"}


def base(folder: Path) -> str:
    """The Debian base, as fresh as debootstrap made it."""
    from shared.containers_docker import connect

    containers = connect(folder)
    try:
        debian_base.ensure(containers, folder)
    finally:
        containers.close()
    return debian_base.TAG


def with_packages(folder: Path, packages: tuple[str, ...]) -> str:
    """The base with these packages, made once on this host.

    A script then finds installed what it installs, which saves a minute; `make test-userdata` begins
    with the bare base instead.
    """
    bare = base(folder)
    known = subprocess.run(
        ["docker", "image", "inspect", "--format", "{{.Id}}", bare],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    digest = hashlib.sha256(f"{known} {packages}".encode()).hexdigest()[:16]
    tag = f"toolyard-test-user-data:{digest}"
    if subprocess.run(
        ["docker", "image", "inspect", tag], capture_output=True, check=False
    ).returncode:
        with booted(bare, folder, {}) as machine:
            install = (
                "apt-get update -qq && apt-get install -qq -y --no-install-recommends "
                + " ".join(packages)
            )
            done = machine.execute("sh", "-c", install, seconds=600)
            assert done.returncode == 0, done.stdout + done.stderr
            subprocess.run(
                ["docker", "commit", machine.container, tag], capture_output=True, check=True
            )
    return tag
