"""The servers of the profiles: what is missing is said, and nothing of one installation meets another's."""

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cli import broker_logins, rabbitmq, servers
from cli.up import main
from shared.settings import Settings


def settings_of(profile: servers.Profile, data: Path) -> dict[str, str]:
    data.mkdir(parents=True)
    return profile({"TOOLYARD_DATA": str(data)}).settings


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database's cluster and a broker's logins take seconds to make, and are not the matter here."""
    monkeypatch.setattr(servers, "_postgres", lambda *_: ["postgres"])
    monkeypatch.setattr(servers, "_broker_logins", lambda _: "{}")


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
    again = servers.team({"TOOLYARD_DATA": str(tmp_path / "one")}).settings
    assert secret.read_text() in again["TOOLYARD_BUS_URL"], "the password is kept"


def test_each_kind_of_process_has_a_login_of_its_own(tmp_path: Path) -> None:
    made = servers.team({"TOOLYARD_DATA": str(tmp_path)})
    logins = {kind: urlsplit(told["TOOLYARD_BUS_URL"]) for kind, told in made.told.items()}
    of_operator = urlsplit(made.settings["TOOLYARD_BUS_URL"])

    assert {kind: url.username for kind, url in logins.items()} == {
        "web": None,
        "utility": "utility",
        "janitor": None,
        "builder": "builder",
        "runner": "runner",
    }
    passwords = [url.password for url in (of_operator, *logins.values()) if url.username]
    assert len(set(passwords)) == len(passwords) == 4
    words = " ".join(word for child in made.children for word in child.argv)
    assert not any(str(password) in words for password in passwords)


def test_the_brokers_logins_are_written_as_hashes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert broker_logins.main() == 2
    assert "TOOLYARD_RABBITMQ_PASSWORD, TOOLYARD_RABBITMQ_UTILITY" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["broker_logins"])
    for kind in ("", "UTILITY_", "BUILDER_", "RUNNER_"):
        monkeypatch.setenv(f"TOOLYARD_RABBITMQ_{kind}PASSWORD", f"s3cret-{kind}")

    assert broker_logins.main() == 0

    told = capsys.readouterr().out
    rights = {each.pop("user"): each for each in json.loads(told)["permissions"]}
    assert "s3cret" not in told
    assert rights["runner"]["read"] == r"^(toolyard\.runner)$"
    assert {each["vhost"] for each in rights.values()} == {"/"}


def test_the_brokers_files_are_ours_and_nothing_listens_beyond_this_host(tmp_path: Path) -> None:
    folder, ports = tmp_path / "broker", rabbitmq.Ports(1111, 2222, 3333)
    rabbitmq.prepare(folder, ports, "{}")
    words = " ".join([*rabbitmq.server(folder, ports), *rabbitmq.mapper(ports)])
    configuration = folder / "rabbitmq.conf"
    assert configuration.stat().st_mode & 0o777 == 0o600
    assert "listeners.tcp.local = 127.0.0.1:1111" in configuration.read_text()
    assert "inet_dist_use_interface {127,0,0,1}" in words
    assert "-address 127.0.0.1" in words


def test_the_supervisor_loads_no_sdk() -> None:
    code = "import sys, cli.up; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"kombu", "boto3", "pydantic", "sqlalchemy"}
