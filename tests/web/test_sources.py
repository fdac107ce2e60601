"""Private repositories and pushes: sealed credentials, signed webhooks, one version for each new commit."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from shared.db import Transactions
from shared.schema.accounts import Account
from shared.schema.tools import Build, SourceCredential, Tool, Version
from shared.work import BuildAssignment
from tests import factories
from tests.web.conftest import WORKER_TOKEN, Made, Person, make_ports
from tests.web.worker_client import Worker
from web import pushes, source_credentials
from web.flask_app import create_app
from web.ports import WebPorts
from web.refusals import Invalid, Unauthenticated
from web.seals import BrokenSeal, Seals

NEW = "f" * 40


def payload(**changes: Any) -> bytes:
    body = {"ref": "refs/heads/main", "after": NEW, "repository": {"default_branch": "main"}}
    return json.dumps({**body, **changes}).encode()


def signed(body: bytes, secret: str, event: str = "push") -> dict[str, str]:
    right = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "X-Hub-Signature-256": f"sha256={right}",
        "X-GitHub-Event": event,
        "Content-Type": "application/json",
    }


# Seals


def test_a_seal_opens_with_its_key_and_for_its_purpose_only() -> None:
    sealed = Seals("key").seal("secret", "a")

    assert Seals("key").open(sealed, "a") == "secret"
    assert b"secret" not in sealed
    for seals, bytes_, purpose in (
        (Seals("other"), sealed, "a"),
        (Seals("key"), sealed, "b"),
        (Seals("key"), sealed[:-1], "a"),
        (Seals("key"), b"", "a"),
    ):
        with pytest.raises(BrokenSeal):
            seals.open(bytes_, purpose)


# Pushes


def test_a_push_is_believed_by_its_signature_alone() -> None:
    body = payload()
    right = signed(body, "s")

    push = pushes.read(right.get, body, "s")

    assert push is not None and (push.ref, push.commit) == ("refs/heads/main", NEW)
    for headers, text, secret in (
        ({}, body, "s"),
        (right, body + b" ", "s"),
        (right, body, "other"),
        ({"X-Gitlab-Token": "other", "X-Gitlab-Event": "Push Hook"}, body, "s"),
        ({"X-Gitlab-Token": "", "X-Gitlab-Event": "Push Hook"}, body, ""),
    ):
        with pytest.raises(Unauthenticated):
            pushes.read(headers.get, text, secret)


def test_gitlab_shows_the_secret_itself() -> None:
    body = json.dumps({"ref": "refs/tags/v1", "after": NEW, "project": {"default_branch": "x"}})
    headers = {"X-Gitlab-Token": "s", "X-Gitlab-Event": "Tag Push Hook"}

    push = pushes.read(headers.get, body.encode(), "s")

    assert push == pushes.Push("refs/tags/v1", NEW, "x")


@pytest.mark.parametrize(
    ("ref", "followed", "deleted", "expected"),
    [
        ("refs/heads/main", None, False, True),
        ("refs/heads/main", "main", False, True),
        ("refs/tags/v1", "v1", False, True),
        ("refs/heads/dev", None, False, False),
        ("refs/heads/dev", "main", False, False),
        ("refs/heads/main", NEW, False, False),
        ("refs/heads/main", None, True, False),
    ],
)
def test_which_pushes_concern_a_version(
    ref: str, followed: str | None, deleted: bool, expected: bool
) -> None:
    assert pushes.concerns(pushes.Push(ref, NEW, "main", deleted), followed) is expected


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{", b'{"ref": 1, "after": 2}', b"[" * 100_000, b"9" * 5000,
        b'{"ref": "refs/heads/main", "after": "a\\u0000"}',
        b'{"ref": "refs/heads/main", "after": "' + b"f" * 5000 + b'"}',
    ],
)  # fmt: skip
def test_a_push_that_cannot_be_read_is_refused_with_a_sentence(body: bytes) -> None:
    headers = signed(body, "s")
    with pytest.raises(Invalid):
        pushes.read(headers.get, body, "s")


@pytest.fixture
def tool(made: Made, owner: Person) -> str:
    def make(session: Any) -> str:
        tool, _ = factories.ready_tool(session, session.get_one(Account, owner.id))
        return str(tool.id)

    return str(made(make))


def opened(owner: Person, tool: str) -> tuple[str, str]:
    answer = owner.post(f"/api/v1/tools/{tool}/webhook")
    assert answer.status_code == 201, answer.text
    return answer.json["url"], answer.json["secret"]


def push(client: FlaskClient, tool: str, secret: str, body: bytes) -> TestResponse:
    return client.post(f"/api/v1/hooks/{tool}", data=body, headers=signed(body, secret))


def versions(ports: WebPorts, tool: str) -> list[tuple[int, str | None]]:
    with ports.transactions.read() as session:
        rows = session.scalars(
            select(Version).where(Version.tool_id == tool).order_by(Version.number)
        )
        return [(row.number, row.commit) for row in rows]


def test_a_push_builds_one_new_version_however_often_it_is_delivered(
    app: Flask, owner: Person, tool: str, web_ports: WebPorts
) -> None:
    url, secret = opened(owner, tool)
    assert url.endswith(f"/api/v1/hooks/{tool}")
    visitor = app.test_client()

    first = push(visitor, tool, secret, payload())
    again = push(visitor, tool, secret, payload())

    assert (first.status_code, first.json["version"]) == (201, 2), first.text
    assert (again.status_code, again.json["version"]) == (200, None)
    assert versions(web_ports, tool) == [(1, factories.COMMIT), (2, NEW)]
    with web_ports.transactions.read() as session:
        assert session.get_one(Build, first.json["build_id"]).state == "queued"


def test_a_known_commit_another_branch_and_a_ping_build_nothing(
    app: Flask, owner: Person, tool: str, web_ports: WebPorts
) -> None:
    _, secret = opened(owner, tool)
    visitor = app.test_client()
    body = payload(ref="refs/heads/dev")
    ping = b'{"zen": "x"}'

    known = push(visitor, tool, secret, payload(after=factories.COMMIT))
    other = push(visitor, tool, secret, body)
    hello = visitor.post(f"/api/v1/hooks/{tool}", data=ping, headers=signed(ping, secret, "ping"))

    assert [answer.status_code for answer in (known, other, hello)] == [200, 200, 200]
    assert versions(web_ports, tool) == [(1, factories.COMMIT)]


def test_a_push_without_its_signature_changes_nothing(
    app: Flask, owner: Person, tool: str, web_ports: WebPorts
) -> None:
    visitor = app.test_client()
    closed = push(visitor, tool, "guess", payload())
    _, old = opened(owner, tool)
    _, secret = opened(owner, tool)

    replaced = push(visitor, tool, old, payload())
    absent = push(visitor, "tool_none", secret, payload())
    owner.delete(f"/api/v1/tools/{tool}/webhook")
    ended = push(visitor, tool, secret, payload())

    answers = [closed, replaced, absent, ended]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 401]
    assert len({answer.json["error"]["message"] for answer in answers}) == 1
    assert versions(web_ports, tool) == [(1, factories.COMMIT)]


def test_pushes_of_one_address_are_bounded(transactions: Transactions, tmp_path: Path) -> None:
    app = create_app(make_ports(transactions, tmp_path, pushes_per_minute=3))
    visitor = app.test_client()
    some = [push(visitor, "tool_x", "guess", payload()).status_code for _ in range(4)]

    assert some == [401, 401, 401, 429]


def test_a_push_larger_than_any_git_host_sends_is_not_read(
    app: Flask, owner: Person, tool: str
) -> None:
    _, secret = opened(owner, tool)
    body = payload(padding="x" * (6 << 20))

    assert push(app.test_client(), tool, secret, body).status_code == 413


def test_the_webhook_secret_lies_sealed(owner: Person, tool: str, web_ports: WebPorts) -> None:
    _, secret = opened(owner, tool)
    with web_ports.transactions.read() as session:
        sealed = session.get_one(Tool, tool).webhook_secret
    assert sealed is not None and secret.encode() not in sealed


# Credentials


def test_a_credential_is_stored_sealed_shown_never_and_replaced_by_host(
    owner: Person, web_ports: WebPorts
) -> None:
    answers = [
        owner.post(
            "/api/v1/source-credentials", json={"host": "https://GitHub.com/", "secret": secret}
        )
        for secret in ("first-token", "second-token")
    ]
    listed = owner.get("/api/v1/source-credentials")

    assert [answer.status_code for answer in answers] == [201, 201], answers[0].text
    assert [item["host"] for item in listed.json["items"]] == ["github.com:443"]
    assert "token" not in "".join(answer.text for answer in (*answers, listed)).replace(
        "x-access-token", ""
    )
    with web_ports.transactions.read() as session:
        row = session.scalars(select(SourceCredential)).one()
        assert b"token" not in row.sealed
        given = source_credentials.for_link(
            session, web_ports.seals, owner.id, "https://github.com/a/b"
        )
        elsewhere = source_credentials.for_link(
            session, web_ports.seals, owner.id, "https://github.com.example.org/a/b"
        )
    assert given is not None and given.secret.get_secret_value() == "second-token"
    assert "second-token" not in repr(given)
    assert "second-token" in given.model_dump_json()  # the worker must have it
    assert elsewhere is None


@pytest.mark.parametrize(
    "body",
    [
        {"host": "github.com", "secret": " "},
        {"host": "127.0.0.1", "secret": "x"},
        {"host": "not a host", "secret": "x"},
        {"host": "github.com", "secret": "a\nb"},
        {"host": "github.com", "secret": "x", "username": "a:b"},
        {"host": "github.com", "secret": "x" * 5000},
    ],
)
def test_what_is_no_credential_is_refused_with_a_sentence(
    owner: Person, body: dict[str, str]
) -> None:
    answer = owner.post("/api/v1/source-credentials", json=body)
    assert answer.status_code == 422
    assert answer.json["error"]["message"].endswith((".", ".)"))


def test_a_credential_is_removed_by_its_account_only(owner: Person, other: Person) -> None:
    stored = owner.post("/api/v1/source-credentials", json={"host": "github.com", "secret": "x"})
    path = f"/api/v1/source-credentials/{stored.json['id']}"

    assert other.delete(path).status_code == 404
    assert owner.delete(path).status_code == 204
    assert owner.get("/api/v1/source-credentials").json["items"] == []


# Built again from the kept source


def test_a_private_tool_is_claimed_with_its_owners_credential_and_a_public_one_without(
    app: Flask, owner: Person, other: Person, web_ports: WebPorts
) -> None:
    for person, secret in ((owner, "owners-token"), (other, "others-token")):
        person.post("/api/v1/source-credentials", json={"host": "github.com", "secret": secret})
    worker = Worker(app.test_client(), WORKER_TOKEN)
    given = []
    for private in (True, False):
        added = owner.post(
            "/api/v1/tools",
            json={"link": "https://github.com/a/b", "private": private, "name": f"t{private}"},
        )
        held = worker.claim("build", added.json["build_id"])
        assignment = BuildAssignment.model_validate(held.given)
        given.append(assignment.credential)

    assert given[0] is not None and given[0].secret.get_secret_value() == "owners-token"
    assert given[0].host == "github.com:443"
    assert given[1] is None


def test_a_rebuild_takes_the_kept_source_and_a_failure_takes_nothing_away(
    app: Flask, owner: Person, made: Made, web_ports: WebPorts, tmp_path: Path
) -> None:
    (tmp_path / "source").write_bytes(b"tar")
    info = web_ports.objects.put("builds/b/a/source", tmp_path / "source")

    def make(session: Any) -> str:
        tool, version = factories.ready_tool(session, session.get_one(Account, owner.id))
        version.source_key = "builds/b/a/source"
        return str(tool.id)

    tool = made(make)
    again = owner.post(f"/api/v1/tools/{tool}/versions/1/rebuild")
    assert again.status_code == 201, again.text
    worker = Worker(app.test_client(), WORKER_TOKEN)
    assignment = BuildAssignment.model_validate(worker.claim("build", again.json["id"]).given)
    assert assignment.snapshot is not None
    assert assignment.snapshot.commit == factories.COMMIT
    assert assignment.snapshot.file.sha256 == info.sha256

    report = {"fence": assignment.fence, "state": "failed", "reason": "no disk"}
    ended = app.test_client().post(
        f"/api/v1/worker/builds/{again.json['id']}/finish",
        json=report,
        headers={"Authorization": f"Bearer {assignment.token}"},
    )

    assert ended.status_code == 204, ended.text
    shown = owner.get(f"/api/v1/tools/{tool}/versions/1").json
    assert (shown["state"], shown["reason"]) == ("ready", "no disk")
    assert shown["commands"] and shown["plan"]


def test_without_a_kept_source_a_rebuild_says_what_to_do(owner: Person, tool: str) -> None:
    answer = owner.post(f"/api/v1/tools/{tool}/versions/1/rebuild")

    assert (answer.status_code, answer.json["error"]["code"]) == (409, "no_snapshot")
    assert "from its link" in answer.json["error"]["message"]
