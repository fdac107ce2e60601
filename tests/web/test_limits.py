"""An operator's limits replace the defaults wherever a plan is asked for something."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.process import settings_or_exit
from tests import factories
from tests.web.conftest import WORKER_TOKEN, make_person, make_ports
from tests.web.worker_client import Worker
from web import admin, limits
from web.flask_app import create_app
from web.limits import PLANS, limits_of
from web.ports import WebPorts
from web.refusals import Invalid
from web.settings import WebSettings

LINK = "https://github.com/example/wc"


def test_what_is_not_named_keeps_its_value() -> None:
    plans = limits.read('{"free": {"running": 7, "run": {"pids": 512}}, "course": {"queued": 3}}')

    free, course = limits_of("free", plans), limits_of("course", plans)
    assert (free.running, free.run.pids, free.queued) == (7, 512, 50)
    assert free.run.memory_bytes == 1 << 30
    assert (course.queued, course.running, course.run.pids) == (3, 2, 256)
    assert limits_of("premium", plans) == PLANS["premium"]
    assert PLANS["free"].running == 2


def test_a_file_is_read_and_nothing_is_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "limits.json").write_text('{"free": {"input_bytes": 10}}')

    assert limits_of("free", limits.read(str(tmp_path / "limits.json"))).input_bytes == 10
    assert limits.read("") == PLANS


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("/no/such/file", "'/no/such/file' is neither JSON nor a file of it"),
        ("{", "it is no JSON"),
        ('{"free": 3}', "free: Input should be"),
        ('{"free": {"runing": 3}}', "free.runing: Extra inputs are not permitted"),
        ('{"free": {"run": {"disk": 3}}}', "free.run.disk: Extra inputs are not permitted"),
        ('{"free": {"running": 0}}', "free.running: Input should be greater than 0"),
        ('{"free": {"run": {"memory_bytes": -1}}}', "free.run.memory_bytes is -1"),
        ('{"free": {"run": 3}}', "free.run"),
    ],
)
def test_a_mistake_is_told_at_start_by_name(
    given: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValidationError):
        WebSettings.read({"TOOLYARD_LIMITS": given})
    with pytest.raises(SystemExit):
        settings_or_exit(WebSettings, {"TOOLYARD_LIMITS": given})
    told = capsys.readouterr().err
    assert told.startswith("TOOLYARD_LIMITS: ")
    assert sentence in told


@pytest.fixture
def narrow(web_ports: WebPorts) -> WebPorts:
    """An installation whose free plan allows almost nothing."""
    given = {
        "running": 1,
        "queued": 1,
        "queued_builds": 1,
        "input_bytes": 100,
        "run": {"wall_seconds": 77},
        "build": {"wall_seconds": 99},
    }
    data = web_ports.settings.data
    return make_ports(web_ports.transactions, data, limits=json.dumps({"free": given}))


def test_every_way_to_ask_keeps_to_the_operators_limits(narrow: WebPorts) -> None:
    app = create_app(narrow)
    person = make_person(app, "ann@example.org")
    worker = Worker(app.test_client(), WORKER_TOKEN)
    with narrow.transactions.begin() as session:
        owner = session.get_one(factories.Account, person.id)
        tool = factories.ready_tool(session, owner, "wc")[0]
        failed = factories.version(session, tool, state="failed", number=2)
        running = factories.run(session, owner, failed, state="running")

    assert person.post("/api/v1/files?name=x", data=b"x" * 101).status_code == 413
    assert person.post("/api/v1/files?name=x", data=b"x" * 100).status_code == 201

    body = {"tool": "wc", "timeout": 78}
    refused = person.post("/api/v1/runs", json=body)
    assert refused.status_code == 422 and "77" in refused.text
    made = person.post("/api/v1/runs", json={"tool": "wc@1", "timeout": 77})
    assert made.status_code == 201, made.text
    assert person.post("/api/v1/runs", json={"tool": "wc@1"}).status_code == 429
    assert made.json is not None
    assert worker.ask("run", made.json["id"]).status_code == 204, "one runs already"
    assert running.state == "running"

    added = person.post("/api/v1/tools", json={"link": LINK})
    assert added.status_code == 201, added.text
    assert person.post("/api/v1/tools", json={"link": LINK + "2"}).status_code == 429
    changed = person.patch("/api/v1/tools/wc", json={"ref": "v2"})
    assert changed.status_code == 429
    again = person.post("/api/v1/tools/wc/versions/2/builds", json={})
    assert again.status_code == 429
    assert added.json is not None
    build = person.get(f"/api/v1/tools/{added.json['tool']}/builds").json["items"][0]["id"]
    assert worker.claim("build", build).given["limits"]["wall_seconds"] == 99


def test_an_account_can_have_a_plan_of_the_operators(narrow: WebPorts) -> None:
    admin.create_user(narrow.transactions, "ann@example.org")
    plans = limits.read('{"course": {}}')

    admin.set_plan(narrow.transactions, "ann@example.org", "course", plans)

    with pytest.raises(Invalid, match="course, free, premium"):
        admin.set_plan(narrow.transactions, "ann@example.org", "corse", plans)
