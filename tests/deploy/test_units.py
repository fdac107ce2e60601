"""The files of a plain server are what systemd, nftables and the platform understand."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.up import NOT_FOR_WORKERS, children
from tests.deploy.unit_files import install, read_unit, settings_in, units
from tests.platform import ROOT

_OWN_MOUNTS = [
    "ProtectSystem",
    "ProtectHome",
    "PrivateTmp",
    "PrivateDevices",
    "PrivateMounts",
    "PrivateNetwork",
    "ReadWritePaths",
    "ReadOnlyPaths",
    "InaccessiblePaths",
    "TemporaryFileSystem",
    "BindPaths",
    "ProtectKernelTunables",
    "ProtectKernelModules",
    "ProtectControlGroups",
    "ProtectKernelLogs",
    "ProtectProc",
    "ProtectHostname",
    "RootDirectory",
]
WORKERS = ("builder", "runner", "janitor")


@pytest.fixture(scope="module")
def installed() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ty-"))
    folder.chmod(0o755)
    install(folder, "tools.example.org")
    yield folder
    shutil.rmtree(folder)


def verified(folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(units(folder).iterdir())],
        capture_output=True,
        text=True,
        check=False,
    )


def test_systemd_finds_no_fault(installed: Path) -> None:
    done = verified(installed)
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_would_find_one(installed: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(installed, copy, symlinks=True)
    unit = units(copy) / "toolyard-web.service"
    unit.write_text(unit.read_text().replace("[Service]\n", "[Service]\nProtectSystems=strict\n"))
    assert "ProtectSystems" in verified(copy).stderr


def test_a_second_time_changes_nothing_but_keeps_what_is_ours(installed: Path) -> None:
    web = installed / "etc/toolyard/web.env"
    web.write_text(web.read_text() + "TOOLYARD_SIGN_UP=true\n")
    before = {p: p.read_bytes() for p in installed.rglob("*") if p.is_file()}

    install(installed, "tools.example.org")

    assert {p: p.read_bytes() for p in installed.rglob("*") if p.is_file()} == before


def test_a_name_that_is_no_host_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no host name"):
        install(tmp_path, "tools.example.org; rm -rf /")


def test_each_process_of_the_platform_has_its_unit(installed: Path) -> None:
    for name, child in children("python").items():
        (line,) = read_unit(units(installed) / f"toolyard-{name}.service")["ExecStart"]
        assert line.split()[1:] == list(child.argv[1:])


@pytest.mark.parametrize("name", ["web", "utility"])
def test_what_serves_people_has_no_rights_on_the_host(installed: Path, name: str) -> None:
    unit = read_unit(units(installed) / f"toolyard-{name}.service")
    assert (unit["User"], unit["CapabilityBoundingSet"]) == (["toolyard"], [""])
    assert (unit["NoNewPrivileges"], unit["ProtectSystem"]) == (["yes"], ["strict"])
    assert "SupplementaryGroups" not in unit
    script = Path(__file__).parents[2] / "deploy/install.sh"
    assert not re.search(r"(usermod|gpasswd|adduser).*docker", script.read_text())


@pytest.mark.parametrize("name", WORKERS)
def test_workers_are_told_nothing_of_the_database(installed: Path, name: str) -> None:
    unit = read_unit(units(installed) / f"toolyard-{name}.service")
    told = {}
    for file in unit["EnvironmentFile"]:
        told |= settings_in(installed, file)
    assert not [setting for setting in told if setting.startswith(NOT_FOR_WORKERS)]
    assert told["TOOLYARD_DATA"] != settings_in(installed, "/etc/toolyard/web.env")["TOOLYARD_DATA"]


def test_a_worker_may_have_a_login_of_its_own_at_the_broker(installed: Path) -> None:
    for name in ("builder", "runner"):
        unit = read_unit(units(installed) / f"toolyard-{name}.service")
        assert unit["EnvironmentFile"][-1] == f"-/etc/toolyard/{name}.env"


@pytest.mark.parametrize("name", WORKERS)
def test_the_engine_sees_the_workers_mounts(installed: Path, name: str) -> None:
    unit = read_unit(units(installed) / f"toolyard-{name}.service")
    assert not [option for option in _OWN_MOUNTS if option in unit]


@pytest.mark.parametrize(("name", "drain"), [("builder", 90), ("runner", 60), ("web", 10)])
def test_a_drain_is_given_its_time(installed: Path, name: str, drain: int) -> None:
    unit = read_unit(units(installed) / f"toolyard-{name}.service")
    assert int(unit["TimeoutStopSec"][0]) > drain
    assert unit["KillMode"] == ["mixed"]


def test_secrets_are_their_owners_alone(installed: Path) -> None:
    for secret in (
        "var/lib/toolyard/secrets/worker-token",
        "var/lib/toolyard-worker/secrets/worker-token",
        "etc/toolyard/worker.env",
        "etc/toolyard/tls/privkey.pem",
    ):
        assert (installed / secret).stat().st_mode & 0o077 == 0
    assert (installed / "etc/toolyard/web.env").stat().st_mode & 0o007 == 0


def in_namespace(script: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["unshare", "--net", "--", "sh", "-euc", script],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


_REACH = """
PATH=$PATH:/usr/sbin:/sbin
ip link set lo up
unshare --net sleep 20 & other=$!
sleep 0.3
ip link add out type veth peer name in netns $other
ip address add 10.99.0.1/24 dev out; ip link set out up
nsenter --net=/proc/$other/ns/net sh -c 'ip address add 10.99.0.2/24 dev in; ip link set in up'
{rules}
python3 -c '
import socket
held = []
for port in (22, 80, 443, 5432, 8080):
    held.append(socket.create_server(("0.0.0.0", port)))
import time; time.sleep(15)' & served=$!
sleep 0.7
nsenter --net=/proc/$other/ns/net python3 -c '
import socket
for port in (22, 80, 443, 5432, 8080):
    try:
        socket.create_connection(("10.99.0.1", port), 0.7).close(); print(port, "open")
    except OSError: print(port, "closed")'
python3 -c 'import socket; socket.create_connection(("127.0.0.1", 5432), 1); print("own")'
kill $served $other
"""


def test_only_ssh_and_the_web_come_in(installed: Path) -> None:
    load = f"nft -f {installed}/etc/toolyard/firewall.nft\n"  # twice: it may be loaded again

    without, guarded = (in_namespace(_REACH.format(rules=rules)) for rules in ("", load * 2))

    assert without.stdout.split("\n")[3:5] == ["5432 open", "8080 open"], without.stderr
    assert guarded.stdout.splitlines() == [
        "22 open",
        "80 open",
        "443 open",
        "5432 closed",
        "8080 closed",
        "own",
    ], guarded.stderr


def test_a_link_that_a_service_has_laid_is_not_followed_by_root(tmp_path: Path) -> None:
    """The installer is repeated as root, over folders that belong to services."""
    install = [str(ROOT / "deploy/install.sh"), "tools.example.org"]
    environment = {"PATH": os.environ["PATH"], "DESTDIR": str(tmp_path / "root")}
    subprocess.run(install, env=environment, check=True, capture_output=True)
    secret = tmp_path / "secret"
    secret.write_text("root's own")
    token = tmp_path / "root/var/lib/toolyard/secrets/worker-token"
    token.unlink()
    token.symlink_to(secret)

    again = subprocess.run(install, env=environment, check=False, capture_output=True, text=True)

    assert again.returncode != 0 and "is a link" in again.stderr
    copied = tmp_path / "root/var/lib/toolyard-worker/secrets/worker-token"
    assert copied.read_text() != "root's own"
