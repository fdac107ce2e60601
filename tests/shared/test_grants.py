"""On PostgreSQL each service reads all tables and writes only its own: what it may not, the database refuses."""

import importlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from archiver_service import on_run_finished
from shared import grants
from shared.db import Transactions
from shared.grants import OWNERS, SERVICES, NoGrants, role, tables_of
from shared.schema.archives import Archive
from shared.schema.everything import metadata
from shared.schema.runs import Run
from shared.schema.tools import Tool, Version
from tests import factories
from tests.conftest import PostgresServer
from tests.fake_objects import MemoryObjects
from tests.fakes import MemoryBus
from tests.finished import finished
from web.relay import Relay
from web.request_run import RunRequest, request_run
from web.sweeper import Sweeper

ALL = sorted(metadata.tables)


@dataclass
class Granted:
    """A database with grants, as its owner and as each service's user."""

    owner: Transactions
    prefix: str
    as_service: dict[str, Transactions]


@pytest.fixture
def granted(postgres_server: PostgresServer, new_database: Callable[..., str]) -> Iterator[Granted]:
    prefix = f"t{secrets.token_hex(4)}"
    url = new_database("postgresql", reuse=False)
    owner = Transactions(url)
    for _ in range(2):  # safe to repeat
        grants.apply(owner, prefix)
    services = {}
    for service in SERVICES:
        user = f"{prefix}_{service}_user"
        with owner.engine.begin() as connection:
            connection.execute(text(f"CREATE ROLE {user} LOGIN IN ROLE {role(prefix, service)}"))
        services[service] = Transactions(url.replace("//postgres@", f"//{user}@"))
    yield Granted(owner, prefix, services)
    for opened in services.values():
        opened.close()
    with owner.engine.begin() as connection:
        for service in SERVICES:
            connection.execute(text(f"DROP ROLE {prefix}_{service}_user"))
            connection.execute(text(f"DROP OWNED BY {role(prefix, service)}"))
            connection.execute(text(f"DROP ROLE {role(prefix, service)}"))
    owner.close()


def allowed(transactions: Transactions, statement: str) -> bool:
    try:
        with transactions.begin() as session:
            session.execute(text(statement))
    except ProgrammingError as error:
        assert "permission denied" in str(error)
        return False
    return True


def writes(table: str) -> dict[str, str]:
    """Statements that change nothing, but need the right."""
    column = next(iter(metadata.tables[table].columns)).name
    return {
        "insert": f'INSERT INTO "{table}" SELECT * FROM "{table}" WHERE false',
        "update": f'UPDATE "{table}" SET "{column}" = "{column}" WHERE false',
        "delete": f'DELETE FROM "{table}" WHERE false',
    }


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_all_and_writes_its_own_tables_only(granted: Granted, service: str) -> None:
    own = tables_of(service)
    transactions = granted.as_service[service]
    shared = {"insert"} if service != "web" else {"insert", "update", "delete"}

    for table in ALL:
        assert allowed(transactions, f'SELECT * FROM "{table}"'), table
        found = {
            kind for kind, statement in writes(table).items() if allowed(transactions, statement)
        }
        expected = {"insert", "update", "delete"} if table in own else set()
        assert found == (shared if table in ("inbox", "outbox") else expected), table
    assert not allowed(transactions, "CREATE TABLE mine (id int)")


def test_the_archiver_does_its_work_under_its_role(granted: Granted) -> None:
    ids = finished(granted.owner)
    archiver = granted.as_service["archiver"]

    on_run_finished.handle(ids.run_event, transactions=archiver, grace_seconds=60)

    with archiver.read() as session:
        assert session.get(Archive, ids.run_id) is not None
    with pytest.raises(ProgrammingError, match="permission denied"), archiver.begin() as session:
        session.get_one(Run, ids.run_id).state = "queued"


def test_web_does_its_work_under_its_role(granted: Granted, tmp_path: Path) -> None:
    web, bus = granted.as_service["web"], MemoryBus()
    with web.begin() as session:
        owner = factories.account(session)
        tool, version = factories.ready_tool(session, owner)
        run = request_run(
            session,
            owner,
            session.get_one(Tool, tool.id),
            session.get_one(Version, version.id),
            RunRequest(),
        )
    relay = Relay(web, bus, tmp_path)

    assert (run.state, relay.once()) == ("queued", 1)
    relay.trim()
    Sweeper(web, MemoryObjects()).rows()


def test_every_table_has_a_writer_and_its_file_says_so() -> None:
    assert sorted([*(t for s in SERVICES for t in tables_of(s)), "inbox", "outbox"]) == ALL
    for file, owner in OWNERS.items():
        said = importlib.import_module(f"shared.schema.{file}").__doc__ or ""
        assert said.startswith((f"Written by {owner}:", f"Written by {owner}_service:")), file


def test_without_postgresql_it_is_refused_with_a_sentence(
    sqlite_transactions: Transactions,
) -> None:
    with pytest.raises(NoGrants, match="Only PostgreSQL"):
        grants.apply(sqlite_transactions, "toolyard")
    with pytest.raises(NoGrants, match="no prefix"):
        grants.statements("x; DROP TABLE run")


def test_who_may_not_grant_is_told_so(granted: Granted) -> None:
    with pytest.raises(NoGrants, match="permission denied"):
        grants.apply(granted.as_service["web"], f"{granted.prefix}x")
