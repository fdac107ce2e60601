"""The servers of the profiles: what is missing is said, and nothing of one installation meets another's."""

import subprocess
import sys
from pathlib import Path

import pytest

from cli import rabbitmq, servers
from cli.up import main
from shared.settings import Settings


def settings_of(profile: servers.Profile, data: Path) -> dict[str, str]:
    data.mkdir(parents=True)
    return profile({"TOOLYARD_DATA": str(data)})[0]


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database's cluster takes seconds to make, and is not the matter here."""
    monkeypatch.setattr(servers, "_postgres", lambda *_: ["postgres"])


def test_without_rabbitmq_the_team_profile_names_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rabbitmq, "SERVER", tmp_path / "nothing")
    with pytest.raises(servers.ServerMissing, match="rabbitmq-server"):
        servers.team({"TOOLYARD_DATA": str(tmp_path)})


def test_an_unknown_profile_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--profile", "redis"])
    assert "team" in capfd.readouterr().err


def test_two_teams_share_no_port_folder_or_password(tmp_path: Path) -> None:
    one, other = (settings_of(servers.team, tmp_path / name) for name in ("one", "other"))
    assert one["TOOLYARD_BUS_URL"] != other["TOOLYARD_BUS_URL"]
    logins = [
        Settings.read({**told, "TOOLYARD_DATA": str(tmp_path / name)}).database_login
        for told, name in ((one, "one"), (other, "other"))
    ]
    assert logins[0] and logins[1] and logins[0].current() != logins[1].current()
    secret = tmp_path / "one" / "secrets" / "rabbitmq"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert secret.read_text() in one["TOOLYARD_BUS_URL"]
    again = servers.team({"TOOLYARD_DATA": str(tmp_path / "one")})[0]
    assert secret.read_text() in again["TOOLYARD_BUS_URL"], "the password is kept"


def test_no_password_stands_in_argv_and_nothing_listens_beyond_this_host(tmp_path: Path) -> None:
    folder, ports = tmp_path / "broker", rabbitmq.Ports(1111, 2222, 3333)
    rabbitmq.prepare(folder, ports, "s3cret")
    words = " ".join([*rabbitmq.server(folder, ports), *rabbitmq.mapper(ports)])
    assert "s3cret" not in words
    configuration = folder / "rabbitmq.conf"
    assert configuration.stat().st_mode & 0o777 == 0o600
    assert "listeners.tcp.local = 127.0.0.1:1111" in configuration.read_text()
    assert "inet_dist_use_interface {127,0,0,1}" in words
    assert "-address 127.0.0.1" in words


def test_the_supervisor_loads_no_sdk() -> None:
    code = "import sys, cli.up; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"kombu", "boto3", "pydantic", "sqlalchemy"}
