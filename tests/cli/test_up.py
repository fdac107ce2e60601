"""What `toolyard up` refuses, and which settings its processes get."""

import os
import socket
from pathlib import Path

import pytest

from cli.supervisor import Supervisor
from cli.up import RUNNING, Refused, check_port, environment, lock, main


def test_two_platforms_refuse_one_data_folder(tmp_path: Path) -> None:
    held = lock(tmp_path)
    try:
        with pytest.raises(Refused, match=f"already runs .*process {os.getpid()}.*TOOLYARD_DATA"):
            lock(tmp_path)
    finally:
        os.close(held)

    os.close(lock(tmp_path))


def test_a_taken_port_is_refused_by_name() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(Refused, match="TOOLYARD_PORT"),
    ):
        check_port(taken.getsockname()[1])


def test_the_operators_settings_go_before_the_ones_found_on_the_host(tmp_path: Path) -> None:
    (tmp_path / "build.env").write_text(
        "# found\nTOOLYARD_BUILD_ALLOW=mirror.example:443\nTOOLYARD_BUILD_CA=/ca.crt\n"
    )

    found = environment({"TOOLYARD_DATA": str(tmp_path), "TOOLYARD_BUILD_CA": "/other.crt"})

    assert found["TOOLYARD_BUILD_ALLOW"] == "mirror.example:443"
    assert found["TOOLYARD_BUILD_CA"] == "/other.crt"
    assert found["TOOLYARD_DATA"] == str(tmp_path)


@pytest.mark.parametrize("port", ["x", "0", "70000", "-1"])
def test_a_port_that_is_none_is_refused_by_name(
    port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOOLYARD_DATA", str(tmp_path))
    monkeypatch.setenv("TOOLYARD_PORT", port)

    assert main([]) == 1
    assert f"TOOLYARD_PORT is '{port}'" in capfd.readouterr().err


def test_only_takes_names_that_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOOLYARD_DATA", str(tmp_path))

    assert main(["--only", "web,runners"]) == 1
    assert "and not runners." in capfd.readouterr().err


def test_servers_of_a_platform_that_was_killed_are_forgotten_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLYARD_DATA", str(tmp_path))
    (tmp_path / RUNNING).write_text("TOOLYARD_DATABASE_URL=postgresql+psycopg://gone\n")
    left: list[bool] = []

    def looks(port: int) -> None:
        left.append((tmp_path / RUNNING).exists())
        raise Refused("far enough")

    monkeypatch.setattr("cli.up.check_port", looks)
    monkeypatch.setattr(Supervisor, "catch_signals", lambda self: None)

    assert main(["--only", "web"]) == 1
    assert left == [False]
