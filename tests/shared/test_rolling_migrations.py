"""While it is migrated, code of the release before goes on: its rows go in and come out, and nobody waits long."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    create_engine,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from shared.migrate import configuration, migrate
from shared.schema.everything import Base

RELEASED = "0003"
"""The newest migration of the last release: its code may still run while this one's starts."""
KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])


class Before:
    """What code of an older release does with its tables: it writes and reads exactly its columns."""

    def __init__(self, engine: Engine) -> None:
        self.known = MetaData()
        self.known.reflect(engine)
        self.known.remove(self.known.tables["alembic_version"])

    def write(self, connection: Connection, n: int) -> None:
        """One row in every table, each column named."""
        for table in self.known.sorted_tables:
            connection.execute(insert(table).values(self.row(table, n)))

    def row(self, table: Table, n: int) -> dict[str, Any]:
        return {column.name: _value(column, n) for column in table.columns}

    def read(self, connection: Connection) -> dict[str, int]:
        """All rows by all columns, and an update of each that changes nothing."""
        found = {}
        for table in self.known.sorted_tables:
            found[table.name] = len(connection.execute(select(table)).all())
            column = next(c for c in table.columns if not c.primary_key)
            connection.execute(update(table).values({column.name: column}))
        return found


def _value(column: Any, n: int) -> object:
    for key in column.foreign_keys:
        return _value(key.column, n)
    kind = column.type
    if isinstance(kind, Boolean):
        return False
    if isinstance(kind, Float):
        return 1.5
    if isinstance(kind, Integer):
        return n
    if isinstance(kind, LargeBinary):
        return b"bytes"
    if isinstance(kind, JSON):
        return {}
    return f"{column.table.name}-{column.name}-{n}"


@contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    engine = create_engine(url, poolclass=NullPool)
    try:
        yield engine
    finally:
        engine.dispose()


def revisions(engine: Engine) -> list[str]:
    """All, the oldest first."""
    with engine.connect() as connection:
        script = ScriptDirectory.from_config(configuration(connection))
        return [found.revision for found in script.walk_revisions()][::-1]


def works(before: Before, engine: Engine, n: int) -> dict[str, int]:
    with engine.begin() as connection:
        before.write(connection, n)
        return before.read(connection)


@KINDS
def test_code_of_one_migration_before_goes_on(new_database: Callable[..., str], kind: str) -> None:
    url = new_database(kind, migrated=False)
    with engine_of(url) as engine:
        first, *others = revisions(engine)
        migrate(url, first)
        released = before = Before(engine)
        works(before, engine, 1)
        for n, revision in enumerate(others, 2):
            migrate(url, revision)
            assert set(works(before, engine, n).values()) >= {n}, revision
            before = Before(engine)
            released = before if revision == RELEASED else released
        works(released, engine, 1000)
        # And today's code reads what older code has written.
        with Session(engine) as session:
            for mapper in Base.registry.mappers:
                session.scalars(select(mapper.class_)).all()


@KINDS
def test_each_migration_goes_down_again(new_database: Callable[..., str], kind: str) -> None:
    url = new_database(kind, migrated=False)
    with engine_of(url) as engine:
        shapes = {}
        for revision in revisions(engine):
            migrate(url, revision)
            shapes[revision] = shape(engine)
        works(Before(engine), engine, 1)
        for revision in revisions(engine)[-2::-1]:
            migrate(url, "-1")
            assert shape(engine) == shapes[revision], revision


def shape(engine: Engine) -> dict[str, dict[str, tuple[str, bool]]]:
    return {
        name: {c.name: (str(c.type), bool(c.nullable)) for c in table.columns}
        for name, table in Before(engine).known.tables.items()
    }


_BREAKING = (
    "ALTER TABLE run RENAME COLUMN reason TO why",
    "ALTER TABLE run DROP COLUMN reason",
    "ALTER TABLE login_attempt RENAME TO attempt",
    "CREATE UNIQUE INDEX one_run ON run (oom)",
)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        *((kind, change) for kind in ("sqlite", "postgresql") for change in _BREAKING),
        # SQLite refuses this one by itself.
        ("postgresql", "ALTER TABLE login_attempt ADD COLUMN address VARCHAR NOT NULL"),
    ],
)
def test_a_change_that_breaks_older_code_is_seen(
    new_database: Callable[..., str], kind: str, change: str
) -> None:
    with engine_of(new_database(kind, reuse=False)) as engine:
        before = Before(engine)
        with engine.begin() as connection:
            connection.execute(text(change))
        with pytest.raises(DBAPIError):
            works(before, engine, 1)
            works(before, engine, 2)


class Writers:
    """Code of the last release under load: 50 writes a second, none of which waits two seconds."""

    def __init__(self, url: str, before: Before) -> None:
        self._url = url
        self._before = before
        self._stop = threading.Event()
        self.written = 0
        self.failed: list[str] = []
        self._threads = [threading.Thread(target=self._write, args=(n,)) for n in range(5)]

    def _write(self, number: int) -> None:
        with engine_of(self._url) as engine, engine.connect() as connection:
            connection.execute(text("SET lock_timeout = '2s'"))
            connection.commit()
            n = 1_000_000 * (number + 1)
            while not self._stop.wait(0.1):
                n += 1
                try:
                    with connection.begin():
                        for name in ("account", "tool", "version", "file", "run", "outbox"):
                            table = self._before.known.tables[name]
                            connection.execute(insert(table).values(self._before.row(table, n)))
                    self.written += 1
                except DBAPIError as error:
                    self.failed.append(str(error.orig))

    def __enter__(self) -> "Writers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)


def filled(url: str, engine: Engine, runs: int) -> Before:
    """The released schema with as many runs."""
    migrate(url, RELEASED)
    before = Before(engine)
    works(before, engine, 1)
    columns = [c.name for c in before.known.tables["run"].columns]
    given = ", ".join("'many-' || n" if name == "id" else f'"{name}"' for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    with engine.begin() as connection:
        connection.execute(
            text(f"INSERT INTO run ({names}) SELECT {given} FROM run, generate_series(1, {runs}) n")
        )
    return before


def test_writers_of_the_last_release_never_wait_long(new_database: Callable[..., str]) -> None:
    url = new_database("postgresql", migrated=False)
    with engine_of(url) as engine:
        before = filled(url, engine, 20_000)
        with Writers(url, before) as writers:
            time.sleep(0.5)
            migrate(url)
            done = writers.written
            while writers.written == done and not writers.failed:
                time.sleep(0.05)
    assert writers.failed == []
    assert writers.written > done


def test_a_backup_in_work_delays_the_migration_and_not_the_writers(
    new_database: Callable[..., str],
) -> None:
    """A dump reads every table for long; what changes a table waits for it, and all others behind that."""
    url = new_database("postgresql", migrated=False)
    with engine_of(url) as engine:
        before = filled(url, engine, 1)
        with engine.connect() as dump:
            dump.execute(text("SELECT * FROM run"))
            with Writers(url, before) as writers:
                migrating = threading.Thread(target=migrate, args=(url,), kwargs={"pause": 0.1})
                migrating.start()
                time.sleep(3.5)
                assert migrating.is_alive()
                dump.rollback()
                migrating.join(30)
                assert not migrating.is_alive()
    assert writers.failed == []
