"""A worker, a person, and a job of each kind."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from shared.schema.accounts import Account
from shared.schema.runs import Run
from shared.schema.tools import Build, Tool, Version
from tests import factories
from tests.web.worker_client import make_app
from web.ports import WebPorts
from web.request_run import RunRequest, request_run


@pytest.fixture
def app(web_ports: WebPorts) -> Flask:
    return make_app(web_ports)


@pytest.fixture
def run(made: Callable[..., Any], person: Account, ready: tuple[Tool, Version]) -> Run:
    new: Run = made(request_run, person, *ready, RunRequest(line="-l in.txt"))
    return new


@pytest.fixture
def pending(made: Callable[..., Any], person: Account) -> tuple[Tool, Version, Build]:
    def make(session: Session) -> tuple[Tool, Version, Build]:
        tool = factories.tool(session, person, "wc")
        version = factories.version(session, tool, state="pending")
        return tool, version, factories.build(session, version, person)

    rows: tuple[Tool, Version, Build] = made(make)
    return rows


@pytest.fixture(params=["run", "build"])
def job(request: pytest.FixtureRequest) -> Run | Build:
    if request.param == "run":
        run: Run = request.getfixturevalue("run")
        return run
    build: Build = request.getfixturevalue("pending")[2]
    return build
