"""People's credentials for their part of the object store: page and API."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select, update

from shared.db import Transactions
from shared.schema.accounts import StorageCredential
from shared.storage_credentials import Issued, NotIssued
from tests.fake_storage_credentials import FakeStorageCredentials
from tests.web.conftest import PASSWORD, Person, make_person, make_ports
from web import admin, storage_denials
from web.after_restore import reconcile
from web.flask_app import create_app
from web.ports import WebPorts
from web.storage_denials import StorageDenials

PATH = "/api/v1/storage-credentials"


@pytest.fixture
def owner(owner: Person, web_ports: WebPorts) -> Person:
    """On a plan that has storage credentials."""
    admin.set_plan(web_ports.transactions, owner.email, "premium")
    return owner


def issuer(ports: WebPorts) -> FakeStorageCredentials:
    assert isinstance(ports.storage, FakeStorageCredentials)
    return ports.storage


def signed_in(app: Flask, person: Person) -> tuple[FlaskClient, str]:
    import re

    browser = app.test_client()
    token = re.search(r'csrf_token" value="([0-9a-f]+)"', browser.get("/sign-in").text)[1]  # type: ignore[index]
    form = {"email": person.email, "password": PASSWORD, "csrf_token": token}
    assert browser.post("/sign-in", data=form).status_code == 303
    page = browser.get("/account").text
    return browser, re.search(r'csrf_token" value="([0-9a-f]+)"', page)[1]  # type: ignore[index]


def test_why_they_last_an_hour_only_is_told_with_them(
    app: Flask, owner: Person, web_ports: WebPorts
) -> None:
    issuer(web_ports).note = "They last an hour."
    browser, csrf = signed_in(app, owner)
    assert "They last an hour." not in browser.get("/account").text
    page = browser.post("/account/storage", data={"csrf_token": csrf})
    assert "They last an hour." in page.text
    assert owner.post(PATH, json={}).json["note"] == "They last an hour."


def test_the_secret_is_shown_once_and_kept_nowhere(owner: Person, web_ports: WebPorts) -> None:
    made = owner.post(PATH, json={}).json
    assert made["secret_access_key"] == f"secret-of-{made['id']}"
    assert made["prefix"] == f"people/{owner.id}/"
    listed = owner.get(PATH)
    assert [one["access_key_id"] for one in listed.json["items"]] == [made["access_key_id"]]
    assert "secret" not in listed.text
    with web_ports.transactions.read() as session:
        kept = str(vars(session.scalars(select(StorageCredential)).one()))
    assert "secret" not in kept and "token" not in kept


def test_a_revoked_one_is_told_to_the_issuer_and_gone(owner: Person, web_ports: WebPorts) -> None:
    first, second = (owner.post(PATH, json={}).json["id"] for _ in range(2))
    assert owner.delete(f"{PATH}/{first}").status_code == 204
    assert issuer(web_ports).told[-1] == [first]
    assert [one["id"] for one in owner.get(PATH).json["items"]] == [second]
    with web_ports.transactions.begin() as session:  # expired ones need not be named any more
        session.execute(
            update(StorageCredential).where(StorageCredential.id == first).values(expires_at=1)
        )
    assert owner.delete(f"{PATH}/{second}").status_code == 204
    assert issuer(web_ports).told[-1] == [second]


def test_what_the_issuer_did_not_take_is_not_called_revoked(
    owner: Person, web_ports: WebPorts
) -> None:
    made = owner.post(PATH, json={}).json["id"]
    issuer(web_ports).broken = True
    answer = owner.delete(f"{PATH}/{made}")
    assert answer.status_code == 503
    assert "They still hold" in answer.json["error"]["message"]
    [still] = owner.get(PATH).json["items"]
    assert still["id"] == made and still["revoked_at"]
    assert owner.post(PATH, json={}).status_code == 503
    issuer(web_ports).broken = False
    assert owner.delete(f"{PATH}/{made}").status_code == 204


def test_where_all_had_to_be_ended_the_rows_say_so(owner: Person, web_ports: WebPorts) -> None:
    made = [owner.post(PATH, json={}).json["id"] for _ in range(2)]
    issuer(web_ports).most = 0
    assert owner.delete(f"{PATH}/{made[0]}").status_code == 204
    assert owner.get(PATH).json["items"] == []
    assert issuer(web_ports).told[-1] == []
    first = issuer(web_ports).before[-1]
    assert first is not None and 0 < first.timestamp() - time.time() + 5 < 10

    issuer(web_ports).most = 300  # the moment stays denied, and only later ones are named
    later = owner.post(PATH, json={}).json["id"]
    assert owner.delete(f"{PATH}/{later}").status_code == 204
    assert (issuer(web_ports).told[-1], issuer(web_ports).before[-1]) == ([later], first)


def test_revoked_ones_count_so_that_nobody_fills_the_list_of_all(
    owner: Person, web_ports: WebPorts
) -> None:
    with web_ports.transactions.begin() as session:
        for n in range(19):
            session.add(
                StorageCredential(
                    id=f"cred_{n}",
                    account_id=owner.id,
                    access_key_id="",
                    created_at=1,
                    expires_at=int(time.time() * 1000) + 3_600_000 + n,
                    revoked_at=2,
                    told_at=3,
                )
            )
    assert owner.post(PATH, json={}).status_code == 201
    refused = owner.post(PATH, json={})
    assert refused.status_code == 429
    assert refused.json["error"]["code"] == "storage_credentials"
    assert 3500 < int(refused.headers["Retry-After"]) < 3700


def test_they_have_a_rate_of_their_own(owner: Person, web_ports: WebPorts) -> None:
    for _ in range(20):
        assert owner.post(PATH, json={}).status_code == 201
        with web_ports.transactions.begin() as session:
            session.execute(delete(StorageCredential))
    refused = owner.post(PATH, json={})
    assert (refused.status_code, refused.json["error"]["code"]) == (429, "rate_limit")


def test_only_chosen_plans_and_administrators_get_any(
    app: Flask, other: Person, administrator: Person, web_ports: WebPorts
) -> None:
    refused = other.post(PATH, json={})
    assert refused.status_code == 409
    assert "Your plan has no storage credentials" in refused.json["error"]["message"]
    assert administrator.post(PATH, json={}).status_code == 201
    browser, token = signed_in(app, other)
    page = browser.post("/account/storage", data={"csrf_token": token})
    assert page.status_code == 409
    assert "Your plan has no storage credentials" in page.text
    assert "Make credentials" not in page.text


def test_who_lost_the_plan_still_revokes(app: Flask, owner: Person, web_ports: WebPorts) -> None:
    made = owner.post(PATH, json={}).json
    admin.set_plan(web_ports.transactions, owner.email, "free")
    browser, _ = signed_in(app, owner)
    assert made["access_key_id"] in browser.get("/account").text
    assert owner.delete(f"{PATH}/{made['id']}").status_code == 204


def test_it_is_known_before_it_exists(
    owner: Person, web_ports: WebPorts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Web dies with AWS's answer in its hands: what was issued is listed and can be revoked."""

    def dies(account_id: str, credential_id: str) -> Issued:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(issuer(web_ports), "issue", dies)
        with pytest.raises(SystemExit):
            owner.post(PATH, json={})
    [left] = owner.get(PATH).json["items"]
    assert left["access_key_id"] == ""
    assert owner.delete(f"{PATH}/{left['id']}").status_code == 204
    assert issuer(web_ports).told[-1] == [left["id"]]


def test_what_the_issuer_refuses_leaves_nothing(owner: Person, web_ports: WebPorts) -> None:
    issuer(web_ports).broken = True
    assert owner.post(PATH, json={}).status_code == 503
    assert owner.get(PATH).json["items"] == []


def test_one_that_was_revoked_while_it_was_made_is_not_handed_out(
    owner: Person, web_ports: WebPorts, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = issuer(web_ports)
    real = fake.issue

    def ends_all(account_id: str, credential_id: str) -> Issued:
        with web_ports.transactions.begin() as session:
            storage_denials.end_all(session)
        return real(account_id, credential_id)

    monkeypatch.setattr(fake, "issue", ends_all)
    answer = owner.post(PATH, json={})
    assert answer.status_code == 503
    assert "secret-of" not in answer.text


def test_whoever_gets_a_new_password_has_no_credentials_left(
    owner: Person, web_ports: WebPorts
) -> None:
    made = owner.post(PATH, json={}).json["id"]

    admin.reset_password(web_ports.transactions, owner.email, "quite another password")
    StorageDenials(web_ports.transactions, issuer(web_ports)).once()

    assert issuer(web_ports).told[-1] == [made]


def test_what_a_dead_request_left_untold_is_told(
    owner: Person, web_ports: WebPorts, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = StorageDenials(web_ports.transactions, issuer(web_ports))
    loop.once()  # at its start
    made = owner.post(PATH, json={}).json["id"]

    def dies(*args: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr("web.storage_access.tell", dies)
        with pytest.raises(SystemExit):
            owner.delete(f"{PATH}/{made}")
    [still] = owner.get(PATH).json["items"]  # it holds, and is not hidden
    assert still["id"] == made and still["revoked_at"]

    issuer(web_ports).broken = True
    with pytest.raises(NotIssued):
        loop.once()
    issuer(web_ports).broken = False
    loop.once()
    assert issuer(web_ports).told[-1] == [made]
    assert owner.get(PATH).json["items"] == []
    told = len(issuer(web_ports).told)
    loop.once()  # nothing is untold: AWS is left in peace
    assert len(issuer(web_ports).told) == told


@pytest.mark.parametrize("in_backup", [True, False])
def test_a_restore_ends_all_also_those_of_which_nothing_is_known(
    owner: Person, web_ports: WebPorts, in_backup: bool
) -> None:
    owner.post(PATH, json={})
    if not in_backup:
        with web_ports.transactions.begin() as session:
            session.execute(delete(StorageCredential))
    began = time.time()
    with web_ports.transactions.begin() as session:
        reconcile(session, None)

    StorageDenials(web_ports.transactions, issuer(web_ports)).once()

    before = issuer(web_ports).before[-1]
    assert before is not None and 0 < before.timestamp() - began + 5 < 15
    assert owner.get(PATH).json["items"] == []


def test_the_page_shows_them_once_as_lines_for_a_shell(app: Flask, owner: Person) -> None:
    browser, token = signed_in(app, owner)
    made = browser.post("/account/storage", data={"csrf_token": token})
    assert made.status_code == 201
    assert "export AWS_SECRET_ACCESS_KEY=secret-of-cred_" in made.text
    assert f"s3://bucket/people/{owner.id}/" in made.text
    page = browser.get("/account").text
    assert "ASIAcred_" in page and "secret-of" not in page
    credential = owner.get(PATH).json["items"][0]["id"]
    gone = browser.post(f"/account/storage/{credential}/revoke", data={"csrf_token": token})
    assert gone.status_code == 303
    assert "ASIAcred_" not in browser.get("/account").text


def test_a_folder_store_says_that_there_are_none(
    sqlite_transactions: Transactions, tmp_path: Path
) -> None:
    app = create_app(replace(make_ports(sqlite_transactions, tmp_path), storage=None))
    person = make_person(app, "owner@example.org", is_admin=True)
    answer = person.post(PATH, json={})
    assert answer.status_code == 409
    assert "keeps its files in a folder" in answer.json["error"]["message"]
    browser, _ = signed_in(app, person)
    page = browser.get("/account").text
    assert "keeps its files in a folder" in page
    assert "Make credentials" not in page
