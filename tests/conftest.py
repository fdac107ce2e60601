"""Fixtures common to all tests: migrated databases of both kinds, and an emulated SNS and SQS."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import structlog

from shared.db import Transactions
from shared.migrate import migrate
from shared.schema.everything import metadata
from tests import emulators
from tests.bus_fixtures import rabbitmq_broker, rabbitmq_url
from tests.emulators import AWS_ENVIRONMENT
from tests.platform_fixtures import git_server, platform

__all__ = ["git_server", "platform", "rabbitmq_broker", "rabbitmq_url"]

_TEMPLATE = "toolyard_template"
_TOLD = 6_000
"""Characters of what a failed test printed that are shown: more hides the failure itself."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    report.sections = [
        (name, text if len(text) <= _TOLD else "…" + text[-_TOLD:])
        for name, text in report.sections
    ]
    return report


class PostgresServer:
    """A private, throw-away cluster on a Unix socket; one a pytest worker."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.clean: list[str] = []
        """Migrated, empty databases that a test has given back."""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        bin_folder = _postgres_binaries()
        data = self._folder / "data"
        as_postgres: list[str] = []
        if os.geteuid() == 0:  # the server refuses to run as root
            user = pwd.getpwnam("postgres")
            os.chown(self._folder, user.pw_uid, user.pw_gid)
            as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        initdb: list[str | Path] = [
            bin_folder / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
        ]
        initdb += ["-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(
            [*as_postgres, *initdb], check=True, stdout=subprocess.DEVNULL, cwd=self._folder
        )
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._folder),
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_connections": "200",
            "shared_buffers": "32MB",
        }
        # The server ends with the tests even when they are killed.
        deathsig = ["--pdeathsig", "INT"] if as_postgres else ["setpriv", "--pdeathsig", "INT"]
        command: list[str | Path] = [*as_postgres, *deathsig, bin_folder / "postgres", "-D", data]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)
        self._wait()

    def _wait(self) -> None:
        assert self._process is not None
        for _ in range(300):
            if self._process.poll() is not None:
                break
            try:
                self.execute("SELECT 1")
                return
            except psycopg.OperationalError:
                time.sleep(0.05)
        pytest.fail("PostgreSQL did not start: " + (self._folder / "log").read_text())

    def execute(self, statement: str) -> None:
        """Run one statement outside a transaction, as the superuser."""
        with psycopg.connect(
            host=str(self._folder), user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement.encode())

    def empty(self, database: str) -> bool:
        """Delete every row (a hundred times quicker than a new database); False if the schema was changed."""
        statements = [f'DELETE FROM "{table.name}"' for table in reversed(metadata.sorted_tables)]
        self.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
        )
        try:
            with psycopg.connect(
                host=str(self._folder), user="postgres", dbname=database
            ) as connection:
                connection.execute(";".join(statements).encode())
        except psycopg.Error:
            return False
        return True

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self._folder}"

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)


def _postgres_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    if on_path:
        return Path(on_path).parent
    pytest.fail(
        "PostgreSQL's server binaries are missing: install the package postgresql "
        "(apt-get install postgresql); the suite runs on both databases."
    )


@pytest.fixture(autouse=True)
def unbound_logs() -> None:
    """No id bound by an earlier test's request shows in this test's log lines."""
    structlog.contextvars.clear_contextvars()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running private PostgreSQL with a migrated template database."""
    folder = Path(tempfile.mkdtemp(prefix="toolyard-pg-"))
    server = PostgresServer(folder)
    try:
        server.start()
        server.execute(f"CREATE DATABASE {_TEMPLATE}")
        migrate(server.url(_TEMPLATE))
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def whole_database(request: pytest.FixtureRequest) -> Callable[[], dict[str, Any]]:
    """`whole_database()` gives what a whole platform is told of its database: nothing, it makes its file.

    With TOOLYARD_TEST_DATABASE=postgresql in the environment it is a new database there.
    """

    def make() -> dict[str, Any]:
        if os.environ.get("TOOLYARD_TEST_DATABASE") != "postgresql":
            return {}
        server: PostgresServer = request.getfixturevalue("postgres_server")
        name = f"whole_{secrets.token_hex(6)}"
        server.execute(f"CREATE DATABASE {name}")
        return {"database_url": server.url(name), "sign_up": "true"}

    return make


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """`new_database("sqlite" | "postgresql")` gives the URL of an empty migrated database.

    `migrated=False`: without tables; `reuse=False`: for a test that changes the schema.
    """
    given: list[str] = []
    spoilt: list[str] = []

    def make(kind: str, *, migrated: bool = True, reuse: bool = True) -> str:
        name = f"test_{secrets.token_hex(6)}"
        if kind == "sqlite":
            path = tmp_path / f"{name}.db"
            if migrated:
                shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
            return f"sqlite:///{path}"
        server: PostgresServer = request.getfixturevalue("postgres_server")
        if migrated and reuse and server.clean:
            name = server.clean.pop()
        else:
            template = _TEMPLATE if migrated else "template0"
            server.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        (given if migrated and reuse else spoilt).append(name)
        return server.url(name)

    yield make
    for name in given:
        server = request.getfixturevalue("postgres_server")
        (server.clean if server.empty(name) else spoilt).append(name)
    for name in spoilt:
        request.getfixturevalue("postgres_server").execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, new_database: Callable[..., str]) -> str:
    """The URL of a fresh migrated database, once of each kind."""
    return new_database(request.param)


@pytest.fixture
def transactions(database_url: str) -> Iterator[Transactions]:
    """A fresh migrated database, once of each kind."""
    opened = Transactions(database_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_transactions(new_database: Callable[..., str]) -> Iterator[Transactions]:
    """A fresh migrated SQLite database, where the kind of database does not matter."""
    opened = Transactions(new_database("sqlite"))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def ministack_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an emulated AWS that enforces policies; empty for `make test-aws`: AWS itself."""
    if os.environ.get("TOOLYARD_TEST_REAL_AWS") == "1":
        yield ""
        return
    services = "sns,sqs,s3,iam,sts,ecr,ses,secretsmanager,ssm,kms"
    with emulators.ministack(tmp_path_factory.mktemp("ministack"), services) as url:
        yield url


@pytest.fixture
def ministack(ministack_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The emulated AWS, also set as boto3's own environment."""
    if not ministack_url:
        return ""
    _point_to(ministack_url, monkeypatch)
    return ministack_url


@pytest.fixture(scope="session")
def moto_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the second emulated AWS; it enforces no policies."""
    with emulators.moto(tmp_path_factory.mktemp("moto")) as url:
        yield url


@pytest.fixture
def moto(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The second emulated AWS, also set as boto3's own environment."""
    _point_to(moto_url, monkeypatch)
    return moto_url


def _point_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in AWS_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
