"""The REST API as programs use it."""

import errno
import io
import os
import zipfile
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from shared.objects_disk import DiskObjects
from shared.schema.accounts import Account, ApiToken
from tests import factories
from tests.web.conftest import PASSWORD, WORKER_TOKEN, Person
from tests.web.worker_client import Worker
from web import health
from web.ports import WebPorts

LINK = "https://github.com/example/wc"


@pytest.fixture
def tool(owner: Person, web_ports: WebPorts) -> str:
    with web_ports.transactions.begin() as session:
        return factories.ready_tool(session, session.get_one(Account, owner.id), "wc")[0].id


def finished_run(app: Flask, owner: Person, tool: str, **files: bytes) -> str:
    run_id = str(owner.post("/api/v1/runs", json={"tool": tool}).json["id"])
    held = Worker(app.test_client(), WORKER_TOKEN).claim("run", run_id)
    answer = held.finish(**held.results(b"out\n", b"err\n", **files))
    assert answer.status_code == 204, answer.text
    return run_id


def test_a_tool_is_added_from_its_link_alone(owner: Person) -> None:
    made = owner.post("/api/v1/tools", json={"link": LINK})
    assert made.status_code == 201
    assert (made.json["tool"], made.json["version"], made.json["state"]) == ("wc", 1, "pending")
    needed = {"tool", "version", "id", "state", "commit", "image", "commands", "plan"}
    assert needed | {"plans_tried", "reason", "build_id"} <= made.json.keys()
    assert owner.get(f"/api/v1/builds/{made.json['build_id']}").json["state"] == "queued"


def test_an_edit_of_the_source_makes_a_version_and_other_edits_do_not(
    owner: Person, tool: str
) -> None:
    named = owner.patch(f"/api/v1/tools/{tool}", json={"description": "Counts words"})
    assert (named.json["description"], named.json["versions"]) == ("Counts words", 1)
    moved = owner.patch(f"/api/v1/tools/{tool}", json={"ref": "v2"})
    assert (moved.json["version"], moved.json["state"]) == (2, "pending")
    shown = owner.get(f"/api/v1/tools/{tool}").json
    assert (shown["version"], shown["newest"], shown["newest_state"]) == (1, 2, "pending")
    numbers = [v["version"] for v in owner.get(f"/api/v1/tools/{tool}/versions").json["items"]]
    assert sorted(numbers) == [1, 2]


def test_unready_tools_of_others_are_not_listed(
    owner: Person, other: Person, client: FlaskClient, tool: str
) -> None:
    owner.post("/api/v1/tools", json={"link": LINK, "name": "unready"})
    owner.patch(f"/api/v1/tools/{tool}", json={"private": False})
    assert {t["tool"] for t in owner.get("/api/v1/tools").json["items"]} == {"wc", "unready"}
    assert {t["tool"] for t in other.get("/api/v1/tools").json["items"]} == {"wc"}
    assert {t["tool"] for t in client.get("/api/v1/tools").json["items"]} == {"wc"}


def test_lists_are_walked_page_by_page(owner: Person, tool: str) -> None:
    made = {owner.post("/api/v1/runs", json={"tool": tool}).json["id"] for _ in range(5)}
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(10):
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = owner.get("/api/v1/runs", query_string=query).json
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == 5
    assert set(seen) == made


def test_a_run_is_shown_with_streams_and_outputs(app: Flask, owner: Person, tool: str) -> None:
    run_id = finished_run(app, owner, tool, **{"a.txt": b"A", "dir/b.bin": b"\x00\xff"})
    shown = owner.get(f"/api/v1/runs/{run_id}").json
    assert (shown["state"], shown["exit_code"], shown["tool"]) == ("succeeded", 0, "wc")
    assert [(o["path"], o["size"]) for o in shown["outputs"]] == [("a.txt", 1), ("dir/b.bin", 2)]
    assert shown["streams"]["stdout"]["kept"] == 4
    log = owner.get(f"/api/v1/runs/{run_id}/logs/stdout?offset=1")
    assert (log.data, log.headers["X-Next-Offset"], log.headers["X-Ended"]) == (
        b"ut\n",
        "4",
        "true",
    )


def test_an_output_is_downloaded_by_a_signed_url(app: Flask, owner: Person, tool: str) -> None:
    run_id = finished_run(app, owner, tool, **{"dir/b.bin": b"0123456789"})
    answer = owner.get(f"/api/v1/runs/{run_id}/outputs/0")
    assert answer.status_code == 302
    url = answer.headers["Location"].partition("127.0.0.1:8080")[2]
    anyone = app.test_client()
    with anyone.get(url) as got:
        assert got.data == b"0123456789"
        assert "b.bin" in got.headers["Content-Disposition"]
    with anyone.get(url, headers={"Range": "bytes=4-"}) as part:
        assert (part.status_code, part.data) == (206, b"456789")
    assert anyone.get(url.replace("signature=", "signature=0")).status_code == 403


def test_everything_comes_as_one_zip(app: Flask, owner: Person, tool: str) -> None:
    run_id = finished_run(app, owner, tool, **{"a.txt": b"A" * 700_000, "dir/ü.bin": b"\x00"})
    zipped = zipfile.ZipFile(io.BytesIO(owner.get(f"/api/v1/runs/{run_id}/outputs.zip").data))
    assert zipped.testzip() is None
    assert {name: zipped.read(name) for name in zipped.namelist()} == {
        "stdout": b"out\n",
        "stderr": b"err\n",
        "files/a.txt": b"A" * 700_000,
        "files/dir/ü.bin": b"\x00",
    }


@pytest.mark.parametrize("form", ["raw", "multipart"])
def test_an_upload_becomes_an_input(owner: Person, tool: str, form: str) -> None:
    if form == "raw":
        answer = owner.post("/api/v1/files?name=in put.txt", data=b"words\n")
    else:
        data = {"file": (io.BytesIO(b"words\n"), "in put.txt")}
        answer = owner.post("/api/v1/files", data=data)
    assert answer.status_code == 201
    assert (answer.json["name"], answer.json["size"]) == ("in put.txt", 6)
    body = {"tool": tool, "line": "'in put.txt'", "inputs": [{"file_id": answer.json["id"]}]}
    run = owner.post("/api/v1/runs", json=body)
    assert run.status_code == 201
    assert run.json["argv"] == ["in put.txt"]


def test_a_token_is_shown_once_and_ends_when_revoked(client: FlaskClient, owner: Person) -> None:
    body = {"email": owner.email, "password": PASSWORD, "name": "laptop"}
    made = client.post("/api/v1/tokens", json=body)
    assert made.status_code == 201
    secret = made.json["token"]
    assert secret.startswith("ty_") and len(secret) > 40
    assert secret not in owner.get("/api/v1/tokens").text
    bearer = {"Authorization": f"Bearer {secret}"}
    assert client.get("/api/v1/me", headers=bearer).json["email"] == owner.email
    assert owner.delete(f"/api/v1/tokens/{made.json['id']}").status_code == 204
    assert client.get("/api/v1/me", headers=bearer).status_code == 401


def test_an_expired_token_is_refused(
    client: FlaskClient, owner: Person, web_ports: WebPorts
) -> None:
    with web_ports.transactions.begin() as session:
        session.execute(update(ApiToken).values(expires_at=1))
    assert owner.get("/api/v1/me").status_code == 401


def test_the_description_names_every_api_route(app: Flask, client: FlaskClient) -> None:
    spec = client.get("/api/v1/openapi.json").json
    assert spec["openapi"].startswith("3.1")
    described = {
        (method.upper(), path.replace("{", "<").replace("}", ">"))
        for path, item in spec["paths"].items()
        for method in item
    }
    ours = {
        (method, rule.rule.replace("int:", ""))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint.startswith("api_")
    }
    assert described == ours
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    assert all(path.replace("<", "{").replace(">", "}") in page.text for _, path in ours)
    assert "<script>" not in page.text and "style=" not in page.text


def test_ready_means_migrated_and_writable(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert client.get("/healthz").json == {"status": "ok"}
    assert client.get("/readyz").json["checks"] == {"database": "ok", "objects": "ok"}
    monkeypatch.setattr(health, "expected_revisions", lambda: frozenset({"9999"}))
    late = client.get("/readyz")
    assert (late.status_code, late.json["checks"]["objects"]) == (503, "ok")
    assert "not migrated" in late.json["checks"]["database"]

    def full(self: object, key: str, path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/a/path")

    monkeypatch.setattr(DiskObjects, "put", full)
    assert client.get("/readyz").json["checks"]["objects"] == "failing: No space left on device"


def test_figures_are_for_this_machine_and_administrators(
    app: Flask, client: FlaskClient, owner: Person, administrator: Person, tool: str
) -> None:
    owner.post("/api/v1/runs", json={"tool": tool})
    text = client.get("/metrics").text
    assert 'toolyard_jobs{kind="run",state="queued"} 1.0' in text
    assert "toolyard_outbox_age_seconds" in text
    assert 'route="/api/v1/runs"' in text
    elsewhere = {"REMOTE_ADDR": "192.0.2.1"}
    assert client.get("/metrics", environ_overrides=elsewhere).status_code == 404
    assert owner.get("/metrics", environ_overrides=elsewhere).status_code == 404
    assert administrator.get("/metrics", environ_overrides=elsewhere).status_code == 200
