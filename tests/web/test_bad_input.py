"""Every refusal is a clear sentence in one shape, and shows nothing of what was sent or of our insides."""

import io
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from shared.db import Transactions
from shared.schema.accounts import Account
from tests import factories
from tests.web.conftest import Person, make_person, make_ports
from web.api import files, shown
from web.flask_app import create_app
from web.limits import PlanLimits
from web.ports import WebPorts

SECRET = "do-not-echo-me-7f3a"


@pytest.fixture
def tool(owner: Person, web_ports: WebPorts) -> str:
    with web_ports.transactions.begin() as session:
        return factories.ready_tool(session, session.get_one(Account, owner.id), "wc")[0].id


def refused(answer: Any, status: int, code: str | None = None) -> str:
    """The sentence; checks the shape."""
    assert answer.status_code == status, answer.text
    error = answer.json["error"]
    assert set(error) == {"code", "message", "details"}
    assert code is None or error["code"] == code
    assert error["message"][-1] in ".?…" and len(error["message"]) > 15, error["message"]
    assert "Traceback" not in answer.text
    return str(error["message"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/tokens", {"email": SECRET, "password": {"x": SECRET}}),
        ("/api/v1/tokens", {"email": "a@b.org", "password": SECRET * 100}),
        ("/api/v1/tokens", {"name": 5, "password": SECRET}),
        ("/api/v1/runs", {"tool": [SECRET]}),
        ("/api/v1/runs", {"tool": "wc", "env": {"PASSWORD": [SECRET]}}),
        ("/api/v1/tools", {"link": {"a": SECRET}}),
        ("/api/v1/tools", [SECRET]),
    ],
)
def test_validation_never_echoes(owner: Person, path: str, body: object) -> None:
    answer = owner.post(path, json=body)
    refused(answer, 422, "invalid")
    assert SECRET not in answer.text


def test_what_is_no_json_is_refused(owner: Person) -> None:
    for data in (b"", b"{", b"\xff\xfe", b'{"tool": NaN'):
        answer = owner.post("/api/v1/runs", data=data, content_type="application/json")
        refused(answer, 422, "invalid")


@pytest.mark.parametrize(
    "link",
    ["", "not a link", "ftp://example.org/x.git", "file:///etc/passwd", "ext::sh -c id",
     "http://127.0.0.1/x.git", "https://10.0.0.1/x.git", "https://169.254.169.254/x", "--upload-pack=x"],
)  # fmt: skip
def test_links_that_cannot_be_cloned_are_refused_with_a_reason(owner: Person, link: str) -> None:
    refused(owner.post("/api/v1/tools", json={"link": link}), 422, "link")


@pytest.mark.parametrize(
    "line", ['"unbalanced', "trailing \\", '{"0": "a", "2": "b"}', '{"x": "a"}', "[1, {}]", '["a"']
)
def test_argument_lines_that_mean_nothing_are_refused(owner: Person, tool: str, line: str) -> None:
    refused(owner.post("/api/v1/runs", json={"tool": tool, "line": line}), 422, "arguments")


def test_unknown_command_file_version_and_tool_are_refused(owner: Person, tool: str) -> None:
    def ask(**body: object) -> Any:
        return owner.post("/api/v1/runs", json={"tool": tool, **body})

    said = refused(ask(command="nope"), 422, "unknown_command")
    assert "wc-lines" in said
    refused(ask(inputs=[{"file_id": "file_x"}]), 404)
    refused(ask(stdin="file_x"), 404)
    refused(ask(version=99), 404)
    refused(ask(tool="nowhere"), 404)
    refused(ask(timeout=10**9), 422)
    refused(ask(network={"mode": "internet"}), 422, "network")
    refused(ask(env={"A=B": "x"}), 422)


@pytest.mark.parametrize("name", ["../x", "a/b", "..", ".", "", "x" * 300])
def test_names_that_are_paths_are_refused(owner: Person, name: str) -> None:
    refused(owner.post("/api/v1/files", query_string={"name": name}, data=b"x"), 422)


def test_two_inputs_of_one_name_are_refused(owner: Person, tool: str) -> None:
    ids = [owner.post("/api/v1/files?name=a", data=data).json["id"] for data in (b"1", b"2")]
    body = {"tool": tool, "inputs": [{"file_id": file_id} for file_id in ids]}
    assert "'a'" in refused(owner.post("/api/v1/runs", json=body), 422)


def test_another_persons_file_cannot_be_an_input(owner: Person, other: Person, tool: str) -> None:
    file_id = other.post("/api/v1/files?name=a", data=b"secret").json["id"]
    body = {"tool": tool, "inputs": [{"file_id": file_id}]}
    refused(owner.post("/api/v1/runs", json=body), 404)


def test_uploads_above_the_plan_are_refused_and_leave_nothing(
    owner: Person, web_ports: WebPorts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "limits_of", lambda plan, plans: PlanLimits(input_bytes=1000))
    data = b"x" * 1001
    refused(owner.post("/api/v1/files?name=a", data=data), 413, "too_large")
    refused(owner.post("/api/v1/files?name=a", input_stream=io.BytesIO(data)), 413, "too_large")
    refused(owner.post("/api/v1/files", data={"file": (io.BytesIO(data), "a")}), 413, "too_large")
    assert owner.post("/api/v1/files?name=a", data=data[:1000]).status_code == 201
    objects = web_ports.settings.data / "objects"
    assert not [
        path for path in objects.rglob("*") if path.is_file() and path.stat().st_size > 1000
    ]


def test_bodies_are_bounded_everywhere(owner: Person) -> None:
    body = {"tool": "wc", "line": "x" * (2 << 20)}
    refused(owner.post("/api/v1/runs", json=body), 413, "too_large")


@pytest.mark.parametrize("cursor", ["x", "!!!", "OjpudWxs", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk6eA"])
def test_cursors_that_are_not_ours_are_refused(owner: Person, cursor: str) -> None:
    answer = owner.get("/api/v1/runs", query_string={"cursor": cursor})
    assert answer.status_code in (200, 422)
    if answer.status_code == 422:
        refused(answer, 422)


def test_nonsense_in_paths_is_absent_not_broken(owner: Person) -> None:
    for path in ("/api/v1/runs/%00", "/api/v1/runs/" + "x" * 60, "/api/v1/tools/%F0%9F%92%A9"):
        assert owner.get(path).status_code in (404, 422), path
    refused(owner.get("/api/v1/nowhere"), 404)
    refused(owner.client.put("/api/v1/me", headers=owner.bearer), 405)


def test_too_many_at_once_tells_when_to_come_back(
    transactions: Transactions, tmp_path: Path
) -> None:
    app = create_app(make_ports(transactions, tmp_path, runs_per_minute=2))
    person = make_person(app, "me@example.org")
    with transactions.begin() as session:
        account = session.get_one(Account, person.id)
        tool = factories.ready_tool(session, account)[0].id
    statuses = [person.post("/api/v1/runs", json={"tool": tool}).status_code for _ in range(3)]
    assert statuses == [201, 201, 429]
    answer = person.post("/api/v1/runs", json={"tool": tool})
    refused(answer, 429, "rate_limit")
    assert 1 <= int(answer.headers["Retry-After"]) <= 61


def test_the_account_limit_on_waiting_runs_is_429_too(
    owner: Person, tool: str, web_ports: WebPorts
) -> None:
    with web_ports.transactions.begin() as session:
        account = session.get_one(Account, owner.id)
        _, version = factories.ready_tool(session, account)
        for _ in range(50):
            factories.run(session, account, version)
    answer = owner.post("/api/v1/runs", json={"tool": tool})
    refused(answer, 429, "too_many")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_surprise_shows_an_id_and_no_internals(
    app: Flask, client: FlaskClient, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(shown, "runs", broken)
    answer = owner.get("/api/v1/runs")
    refused(answer, 500, "broken")
    assert SECRET not in answer.text
    assert answer.json["error"]["details"]["request_id"] == answer.headers["X-Request-Id"]


def test_text_that_no_database_stores_is_refused(owner: Person, tool: str) -> None:
    for body in (b'{"tool": "wc\\u0000"}', b'{"tool": "wc", "env": {"A": "\\ud800"}}'):
        answer = owner.post("/api/v1/runs", data=body, content_type="application/json")
        refused(answer, 422, "invalid")
    assert owner.get("/api/v1/tools?q=%00").status_code == 404
    assert owner.post("/api/v1/files?name=a%00b", data=b"x").status_code == 404


def test_json_that_is_nested_without_an_end_is_refused(owner: Person) -> None:
    for path in ("/api/v1/runs", "/api/v1/tools", "/api/v1/uploads", "/api/v1/tokens"):
        answer = owner.post(path, data=b"[" * 100_000, content_type="application/json")
        refused(answer, 422, "invalid")


def test_a_tool_may_name_a_hundred_hosts_and_no_more(owner: Person) -> None:
    """Each is looked up before a run starts: 200,000 would keep a worker for a day."""
    link = "https://github.com/example/wc"
    hosts = [f"h{n}.example.org" for n in range(101)]
    for wrong in (hosts, ["x" * 301]):
        body = {"link": link, "network": {"mode": "hosts", "hosts": wrong}}
        refused(owner.post("/api/v1/tools", json=body), 422, "invalid")
    body = {"link": link, "network": {"mode": "hosts", "hosts": hosts[:100]}}
    assert owner.post("/api/v1/tools", json=body).status_code == 201
