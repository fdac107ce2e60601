"""compose.yaml says nothing that the code does not know."""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from builder_service.settings import BuilderSettings
from cli import broker_logins
from cli.up import NOT_FOR_WORKERS
from runner_service.settings import RunnerSettings
from scripts import prepare_compose
from shared import bus_kombu, bus_open
from shared.settings import Settings
from utility.settings import UtilitySettings
from web.settings import WebSettings

ROOT = Path(__file__).resolve().parents[2]
WORKERS = ("janitor", "builder", "runner")
LOGINS = {"prepare": "toolyard", "utility": "utility", "builder": "builder", "runner": "runner"}
"""At the broker; the other services know none."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return loaded


def filled(text: str, given: dict[str, str]) -> str:
    """As compose fills `${NAME}`, `${NAME:-default}` and `${NAME:?message}` in; its version 1 knows none inside others."""

    def value(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        if not given.get(name) and kind != "-":
            raise LookupError(f"{name}: {rest}")
        return given.get(name) or str(rest)

    return re.sub(r"\$\{(\w+)(?::([-?])([^}]*))?\}", value, text)


def environment(service: dict[str, Any]) -> dict[str, str]:
    kinds = ("POSTGRES", "RABBITMQ", "RABBITMQ_UTILITY", "RABBITMQ_BUILDER", "RABBITMQ_RUNNER")
    given = {f"TOOLYARD_{kind}_PASSWORD": f"pass-of-{kind}" for kind in kinds}
    return {
        name: filled(str(value), given) for name, value in service.get("environment", {}).items()
    }


def test_its_programs_and_settings_are_ours(compose: dict[str, Any], tmp_path: Path) -> None:
    known = {
        "web": WebSettings,
        "utility": UtilitySettings,
        "prepare": Settings,
        "builder": BuilderSettings,
        "runner": RunnerSettings,
        "janitor": RunnerSettings,
    }
    everybody = set(WebSettings.model_fields)
    for name, kind in known.items():
        service = compose["services"][name]
        environ = environment(service)
        ours = {n.removeprefix("TOOLYARD_").lower() for n in environ if n.startswith("TOOLYARD_")}
        assert ours <= set(kind.model_fields) | everybody | {"build_ca"}
        read = kind.read(environ)
        assert read.url == "http://127.0.0.1:8080"
        assert ("TOOLYARD_BUS_URL" in environ) == (name in LOGINS)
        if name in LOGINS:
            assert bus_kombu.place(read.bus_url).prefix == "toolyard"
            assert urlsplit(read.bus_url).username == LOGINS[name]
            assert "pass-of" not in bus_open.shown(read.bus_url)
            bus_open.open_bus(read.bus_url, tmp_path).close()
        module = service.get("command", ["python", "-m", "web"])[2]
        assert importlib.util.find_spec(module), module


def test_the_broker_imports_the_logins_that_are_written_for_it(
    compose: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, broker = compose["services"]["logins"], compose["services"]["rabbitmq"]
    for name, value in environment(writer).items():
        monkeypatch.setenv(name, value)
    volume, _, folder = writer["volumes"][0].partition(":")
    *argv, file = writer["command"]
    assert argv == ["python", "-m", "cli.broker_logins"]
    monkeypatch.setattr("sys.argv", [*argv[2:], str(tmp_path / "logins.json")])
    assert broker_logins.main() == 0

    users = {user["name"] for user in json.loads((tmp_path / "logins.json").read_text())["users"]}
    assert users == set(LOGINS.values())
    mounts = dict(text.split(":")[:2] for text in broker["volumes"])
    there = (ROOT / "deploy/rabbitmq/compose.conf").read_text().split()[-1]
    assert Path(there) == Path(mounts[volume]) / Path(file).relative_to(folder)


def test_nothing_starts_on_a_default_secret(compose: dict[str, Any]) -> None:
    for name in ("web", "utility", "prepare", "logins"):
        for value in compose["services"][name]["environment"].values():
            if "PASSWORD" in str(value):
                with pytest.raises(LookupError, match="make \\.env first"):
                    filled(str(value), {})


def test_ports_are_this_hosts_own_and_workers_know_no_database(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert "privileged" not in service
    for name in WORKERS:
        service = compose["services"][name]
        assert not [n for n in environment(service) if n.startswith(NOT_FOR_WORKERS)]
        assert not [v for v in service["volumes"] if "data:" in str(v)]


def test_the_workers_find_their_token_where_it_is_put(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web, worker = tmp_path / "web", tmp_path / "worker"
    monkeypatch.setenv("TOOLYARD_DATA", str(web))
    monkeypatch.delenv("TOOLYARD_BUS_URL", raising=False)
    monkeypatch.setattr("sys.argv", ["prepare_compose"])

    assert prepare_compose.main(worker, str(web.parent.owner())) == 0
    assert prepare_compose.main(worker, str(web.parent.owner())) == 0

    token = worker / "secrets" / "worker-token"
    assert token.read_text() == Settings.read({"TOOLYARD_DATA": str(web)}).secret("worker-token")
    assert token.stat().st_mode & 0o777 == 0o600
