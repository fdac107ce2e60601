"""Web, utility, builder, broker and database each away for a while under load, one after the other."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from chaos import outages
from tests.conftest import AWS_ENVIRONMENT, PostgresServer
from tests.gate import Gate
from tests.git_server import GitServer, repository_from_files
from tests.platform import Platform

# Leases last 45 s: what workers cannot renew meanwhile must be away for longer. The rest shows in less.
SHORT = {"web": 60.0, "database": 60.0, "utility": 15.0, "builder": 15.0, "broker": 15.0}
SECONDS = {name: float(os.environ.get(outages.SECONDS, short)) for name, short in SHORT.items()}

pytestmark = [
    pytest.mark.docker,
    pytest.mark.slow,
    pytest.mark.timeout(int(max(SECONDS.values())) + 600),
]


@dataclass
class Together:
    """The platform, and the gates that its servers stand behind."""

    platform: Platform
    git: GitServer
    ticker: str
    broker: Gate
    database: Gate


@pytest.fixture(scope="module")
def together(
    git_server: GitServer,
    ministack_url: str,
    postgres_server: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Together]:
    server = urlsplit(ministack_url)
    socket = urlsplit(postgres_server.url("x")).query.removeprefix("host=") + "/.s.PGSQL.5432"
    postgres_server.execute("CREATE DATABASE outages")
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
            database_url=f"postgresql+psycopg://postgres@127.0.0.1:{database.port}/outages",
            bus_url="sns-sqs://outages",
            runs_per_minute=100_000,
        ) as platform,
    ):
        tool = platform.json("add", git_server.link("ticker"), "--wait", "--json")
        yield Together(platform, git_server, tool["id"], broker, database)


@pytest.mark.parametrize("name", list(SHORT))
def test_nothing_is_stopped_or_lost_while_a_part_is_away(name: str, together: Together) -> None:
    away: Callable[[], AbstractContextManager[None]] = {
        "broker": lambda: outages.shut(together.broker),
        "database": lambda: outages.shut(together.database),
    }.get(name, lambda: outages.kept_away(together.platform, name))

    wrong = outages.outage(
        together.platform,
        together.git,
        together.ticker,
        away(),
        SECONDS[name],
        say=lambda line: print(f"{name}: {line}"),  # noqa: T201 - make chaos shows it
    )

    assert wrong == []
