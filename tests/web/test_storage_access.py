"""People's credentials for their part of the object store: page and API."""

from dataclasses import replace
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from shared.db import Transactions
from shared.schema.accounts import StorageCredential
from tests.fake_storage_credentials import FakeStorageCredentials
from tests.web.conftest import PASSWORD, Person, make_person, make_ports
from web.flask_app import create_app
from web.ports import WebPorts

PATH = "/api/v1/storage-credentials"


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
    assert [one["id"] for one in owner.get(PATH).json["items"]] == [made]
    assert owner.post(PATH, json={}).status_code == 503
    issuer(web_ports).broken = False
    assert owner.delete(f"{PATH}/{made}").status_code == 204


def test_where_all_had_to_be_ended_the_rows_say_so(owner: Person, web_ports: WebPorts) -> None:
    made = [owner.post(PATH, json={}).json["id"] for _ in range(2)]
    issuer(web_ports).most = 0
    assert owner.delete(f"{PATH}/{made[0]}").status_code == 204
    assert owner.get(PATH).json["items"] == []


def test_an_account_has_a_bounded_number(owner: Person) -> None:
    for _ in range(20):
        assert owner.post(PATH, json={}).status_code == 201
    assert owner.post(PATH, json={}).status_code == 429


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
    person = make_person(app, "owner@example.org")
    answer = person.post(PATH, json={})
    assert answer.status_code == 409
    assert "keeps its files in a folder" in answer.json["error"]["message"]
    browser, _ = signed_in(app, person)
    page = browser.get("/account").text
    assert "keeps its files in a folder" in page
    assert "Make credentials" not in page
