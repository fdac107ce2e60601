"""A whole web application on a fresh database of each kind, and people who use it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shared.clock import SystemClock
from shared.db import Transactions
from shared.objects_disk import DiskObjects
from shared.schema.accounts import Account
from shared.schema.tools import Tool, Version
from shared.uploads_disk import DiskUploads
from tests import factories
from tests.fake_storage_credentials import FakeStorageCredentials
from tests.web.browser import PASSWORD as PASSWORD
from tests.web.browser import Browser, Seed
from tests.web.worker_client import Worker
from web import admin, limits
from web.bell import Bell
from web.flask_app import create_app
from web.ports import WebPorts
from web.seals import Seals
from web.settings import WebSettings

WORKER_TOKEN = "the-worker-token"
Made = Callable[..., Any]
"""Calls a function with a session of its own, committed when it returns."""


def make_ports(transactions: Transactions, data: Path, **settings: object) -> WebPorts:
    """Ports on a test's own database and folder; `settings` are fields of `WebSettings`."""
    read = WebSettings.read({"TOOLYARD_DATA": str(data), "TOOLYARD_DATABASE_URL": transactions.url})
    chosen = read.model_copy(update={"sign_up": True, **settings})
    objects = DiskObjects(data / "objects", "signing-key", chosen.url)
    return WebPorts(
        transactions=transactions,
        objects=objects,
        uploads=DiskUploads(objects),
        storage=FakeStorageCredentials(),
        settings=chosen,
        ring=lambda name: None,
        bell=Bell(),
        clock=SystemClock(),
        worker_token=WORKER_TOKEN,
        signing_key="signing-key",
        session_key="session-key",
        seals=Seals("sealing-key"),
        plans=limits.read(chosen.limits),
    )


@pytest.fixture
def made(transactions: Transactions) -> Made:
    """`made(function, *args)` runs a use case or factory in a transaction of its own."""

    def run(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with transactions.begin() as session:
            return function(session, *args, **kwargs)

    return run


@pytest.fixture
def person(made: Made) -> Account:
    """An account that owns what the test makes."""
    account: Account = made(factories.account)
    return account


@pytest.fixture
def ready(made: Made, person: Account) -> tuple[Tool, Version]:
    """A tool of that account which can be run."""
    tool: tuple[Tool, Version] = made(factories.ready_tool, person, "wc")
    return tool


@pytest.fixture
def web_ports(transactions: Transactions, tmp_path: Path) -> WebPorts:
    """The real adapters on a fresh database, once of each kind."""
    return make_ports(transactions, tmp_path)


@pytest.fixture
def app(web_ports: WebPorts) -> Flask:
    """The application, once on each database."""
    return create_app(web_ports)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A visitor's browser."""
    return app.test_client()


@pytest.fixture
def worker(client: FlaskClient) -> Worker:
    """A worker that knows the installation's token."""
    return Worker(client, WORKER_TOKEN)


@dataclass(frozen=True)
class Person:
    """An account with a password, a token, and a client that sends the token."""

    id: str
    email: str
    token: str
    client: FlaskClient

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def get(self, path: str, **kwargs: object) -> TestResponse:
        return self.client.get(path, headers=self._headers(kwargs), **kwargs)  # type: ignore[arg-type]

    def post(self, path: str, **kwargs: object) -> TestResponse:
        return self.client.post(path, headers=self._headers(kwargs), **kwargs)  # type: ignore[arg-type]

    def patch(self, path: str, **kwargs: object) -> TestResponse:
        return self.client.patch(path, headers=self._headers(kwargs), **kwargs)  # type: ignore[arg-type]

    def delete(self, path: str, **kwargs: object) -> TestResponse:
        return self.client.delete(path, headers=self._headers(kwargs), **kwargs)  # type: ignore[arg-type]

    def _headers(self, kwargs: dict[str, object]) -> dict[str, str]:
        given = kwargs.pop("headers", {})
        assert isinstance(given, dict)
        return {**self.bearer, **given}


def make_person(app: Flask, email: str, *, is_admin: bool = False) -> Person:
    """A new account that can sign in with `PASSWORD`."""
    ports: WebPorts = app.extensions["toolyard"]
    made = admin.create_user(ports.transactions, email, admin=is_admin, password=PASSWORD)
    return Person(made.id, made.email, made.token, app.test_client(use_cookies=False))


@pytest.fixture
def owner(app: Flask) -> Person:
    return make_person(app, "owner@example.org")


@pytest.fixture
def run_id(owner: Person, web_ports: WebPorts) -> str:
    """A run that waits for its worker."""
    with web_ports.transactions.begin() as session:
        account = session.get_one(Account, owner.id)
        _, version = factories.ready_tool(session, account)
        return factories.run(session, account, version).id


@pytest.fixture
def other(app: Flask) -> Person:
    return make_person(app, "other@example.org")


@pytest.fixture
def administrator(app: Flask) -> Person:
    return make_person(app, "admin@example.org", is_admin=True)


@pytest.fixture
def browser(app: Flask, owner: Person) -> Browser:
    return Browser(app, owner.email)


@pytest.fixture
def stranger(app: Flask, other: Person) -> Browser:
    return Browser(app, other.email)


@pytest.fixture
def visitor(app: Flask) -> Browser:
    return Browser(app)


@pytest.fixture
def seed(web_ports: WebPorts, owner: Person) -> Seed:
    return Seed(web_ports, owner.id)
