"""A platform whose parts can be taken away one by one, and what must be true afterwards."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from chaos import outages
from tests.conftest import PostgresServer
from tests.emulators import AWS_ENVIRONMENT
from tests.gate import Gate
from tests.git_server import GitServer, repository_from_files
from tests.platform import Platform

SECONDS = float(os.environ.get(outages.SECONDS, 60.0))
"""Longer than a lease lasts."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One file first and the other in its place: an outage is waited for while another process works."""
    items.sort(key=lambda item: item.path.name != "test_outages_of_servers.py")


@dataclass
class Together:
    """The platform, and the gates that its servers stand behind."""

    platform: Platform
    git: GitServer
    ticker: str
    broker: Gate
    database: Gate

    def broken_by(self, name: str, away: Callable[[], AbstractContextManager[None]]) -> list[str]:
        """What was stopped or lost while the part `name` was away."""
        return outages.outage(
            self.platform,
            self.git,
            self.ticker,
            away(),
            SECONDS,
            say=lambda line: print(f"{name}: {line}"),  # noqa: T201 - make chaos shows it
        )


@pytest.fixture(scope="module")
def together(
    git_server: GitServer,
    ministack_url: str,
    postgres_server: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Together]:
    server = urlsplit(ministack_url)
    socket = urlsplit(postgres_server.url("x")).query.removeprefix("host=") + "/.s.PGSQL.5432"
    name = f"outages{secrets.token_hex(4)}"
    postgres_server.execute(f"CREATE DATABASE {name}")
    repository_from_files(
        git_server.root, "ticker", {"ticker.sh": outages.TICKER}, executable=["ticker.sh"]
    )
    with (
        Gate((server.hostname or "", server.port or 0)) as broker,
        Gate(socket) as database,
        Platform(
            tmp_path_factory.mktemp("outages"),
            allow=(git_server.address,),
            environ={**AWS_ENVIRONMENT, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{broker.port}"},
            database_url=f"postgresql+psycopg://postgres@127.0.0.1:{database.port}/{name}",
            bus_url=f"sns-sqs://{name}",
            runs_per_minute=100_000,
        ) as platform,
    ):
        tool = platform.json("add", git_server.link("ticker"), "--wait", "--json")
        yield Together(platform, git_server, tool["id"], broker, database)
