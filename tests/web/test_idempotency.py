"""A create that is repeated makes one thing."""

import json
import threading
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from shared.db import Transactions
from shared.schema.accounts import Account, SubmitKey
from shared.schema.messages import Outbox
from shared.schema.runs import File, Run
from shared.schema.tools import Tool
from tests import factories
from tests.web.conftest import Person
from web.ports import WebPorts


@pytest.fixture
def tool(owner: Person, web_ports: WebPorts) -> str:
    with web_ports.transactions.begin() as session:
        made, _ = factories.ready_tool(session, session.get_one(Account, owner.id))
        return made.id


def count(transactions: Transactions, table: type[object]) -> int:
    with transactions.read() as session:
        return session.execute(select(func.count()).select_from(table)).scalar_one()


def test_fifty_posts_at_once_start_one_run(
    app: Flask, owner: Person, tool: str, transactions: Transactions
) -> None:
    answers: list[tuple[int, bytes]] = []

    def post() -> None:
        got = app.test_client().post(
            "/api/v1/runs",
            json={"tool": tool, "line": "a"},
            headers={**owner.bearer, "Idempotency-Key": "one"},
        )
        answers.append((got.status_code, got.data))

    threads = [threading.Thread(target=post) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 50
    assert {status for status, _ in answers} == {201}
    assert len({body for _, body in answers}) == 1
    assert count(transactions, Run) == 1
    assert count(transactions, Outbox) == 1


def test_without_a_key_each_post_starts_a_run(
    owner: Person, tool: str, transactions: Transactions
) -> None:
    for _ in range(2):
        assert owner.post("/api/v1/runs", json={"tool": tool}).status_code == 201
    assert count(transactions, Run) == 2


def test_another_body_under_a_used_key_is_refused(owner: Person, tool: str) -> None:
    key = {"Idempotency-Key": "one"}
    first = owner.post("/api/v1/runs", json={"tool": tool, "line": "a"}, headers=key)
    assert first.status_code == 201
    text = json.dumps({"line": "a", "tool": tool}, indent=2)  # the same, written by another program
    again = owner.post("/api/v1/runs", data=text, content_type="application/json", headers=key)
    assert (again.status_code, again.json) == (201, first.json)
    other = owner.post("/api/v1/runs", json={"tool": tool, "line": "b"}, headers=key)
    assert (other.status_code, other.json["error"]["code"]) == (409, "idempotency_key")
    elsewhere = owner.post("/api/v1/tools", json={"tool": tool}, headers=key)
    assert elsewhere.status_code in (409, 422)


def test_keys_of_two_accounts_do_not_meet(
    owner: Person, other: Person, tool: str, transactions: Transactions
) -> None:
    key = {"Idempotency-Key": "one"}
    first = owner.post("/api/v1/runs", json={"tool": tool}, headers=key)
    second = other.post("/api/v1/runs", json={"tool": tool}, headers=key)
    assert first.json["id"] != second.json["id"]
    assert count(transactions, Run) == 2


def test_a_refusal_uses_up_no_key(owner: Person, tool: str) -> None:
    key = {"Idempotency-Key": "one"}
    refused = owner.post("/api/v1/runs", json={"tool": tool, "command": "nope"}, headers=key)
    assert refused.status_code == 422
    assert owner.post("/api/v1/runs", json={"tool": tool}, headers=key).status_code == 201


def test_a_key_is_forgotten_after_a_day(
    owner: Person, tool: str, transactions: Transactions
) -> None:
    key = {"Idempotency-Key": "one"}
    assert owner.post("/api/v1/runs", json={"tool": tool}, headers=key).status_code == 201
    with transactions.begin() as session:
        session.execute(update(SubmitKey).values(at=transactions.now_ms() - 25 * 3_600_000))
    assert owner.post("/api/v1/runs", json={"tool": tool}, headers=key).status_code == 201
    assert count(transactions, Run) == 2


def test_a_tool_is_added_once(owner: Person, transactions: Transactions) -> None:
    key = {"Idempotency-Key": "one"}
    body = {"link": "https://github.com/example/wc"}
    first = owner.post("/api/v1/tools", json=body, headers=key)
    again = owner.post("/api/v1/tools", json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.data == again.data
    assert again.headers["Idempotent-Replayed"] == "true"
    assert count(transactions, Tool) == 1


def test_a_repeated_upload_leaves_one_file_and_one_object(
    owner: Person, transactions: Transactions, tmp_path: Path
) -> None:
    key = {"Idempotency-Key": "one"}
    first = owner.post("/api/v1/files?name=a.txt", data=b"bytes", headers=key)
    again = owner.post("/api/v1/files?name=a.txt", data=b"bytes", headers=key)
    other = owner.post("/api/v1/files?name=a.txt", data=b"other", headers=key)
    assert first.json == again.json
    assert other.status_code == 409
    assert count(transactions, File) == 1
    files = [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in files].count(b"bytes") == 1
    assert b"other" not in [path.read_bytes() for path in files]
