"""Engine and transactions on SQLite and PostgreSQL; the database's clock is the only clock that is compared."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Engine, create_engine, event, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.sql.functions import FunctionElement

import shared.sqlite_dialect  # noqa: F401 - our copy of SQLite for every engine
from shared.database_login import DatabaseLogin, Login
from shared.sqlite_driver import sqlite3
from shared.sqlite_turns import Turns
from shared.sqlite_wal import wal_is_safe


class now_ms(FunctionElement[int]):  # noqa: N801 - reads like the SQL function it is
    """Milliseconds since 1970 UTC by the database's clock, at this statement."""

    type = BigInteger()
    inherit_cache = True


@compiles(now_ms, "sqlite")
def _now_sqlite(element: now_ms, compiler: Any, **kw: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"


@compiles(now_ms, "postgresql")
def _now_postgresql(element: now_ms, compiler: Any, **kw: Any) -> str:
    return "CAST(extract(epoch from clock_timestamp()) * 1000 AS BIGINT)"


def insert_new(session: Session, table: type[Any]) -> sqlite.Insert | postgresql.Insert:
    """An insert that does nothing where a row with this key is there already."""
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    insert = sqlite.insert(table) if on_sqlite else postgresql.insert(table)
    return insert.on_conflict_do_nothing()


def _prepare_sqlite(engine: Engine, *, read_only: bool) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        connection.execute("PRAGMA busy_timeout = 30000")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA synchronous = FULL")
        # PERSIST is a rollback journal whose file is kept: it syncs no folder, and its end is synced.
        mode = "WAL" if wal_is_safe(sqlite3.sqlite_version_info) else "PERSIST"
        connection.execute(f"PRAGMA journal_mode = {mode}")
        if read_only:
            connection.execute("PRAGMA query_only = ON")

    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)


def _log_in(engine: Engine, login: DatabaseLogin) -> None:
    """New connections ask for the password; one that was refused asks once more, it may be rotated."""

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, record: Any, arguments: Any, options: dict[str, Any]) -> Any:
        used = login.current()
        try:
            return dialect.connect(*arguments, **(options | _credentials(used)))
        except dialect.loaded_dbapi.OperationalError as error:
            if "authentication" not in str(error):
                raise
            renewed = login.renewed()
            if renewed == used:
                raise
            return dialect.connect(*arguments, **(options | _credentials(renewed)))


def _credentials(login: Login) -> dict[str, str]:
    user = {"user": login.username} if login.username else {}
    return {**user, "password": login.password}


class Transactions:
    """Short transactions; nothing slow (container, mail, payment, network) runs inside one."""

    def __init__(self, url: str, *, pool_size: int = 5, login: DatabaseLogin | None = None) -> None:
        self.url = url
        self._writing = self._engine(url, read_only=False, pool_size=pool_size)
        self._reading = (
            self._engine(url, read_only=True, pool_size=pool_size)
            if self._writing.dialect.name == "sqlite"
            else self._writing
        )
        if login is not None:
            _log_in(self._writing, login)
        file = self._writing.url.database if self._writing.dialect.name == "sqlite" else None
        self._turns = Turns(Path(f"{file}-turn")) if file else None
        # Without WAL a reader keeps a writer from committing, and the other way round.
        self._readers_wait = not wal_is_safe(sqlite3.sqlite_version_info)
        self._write_session = sessionmaker(self._writing, expire_on_commit=False)
        self._read_session = sessionmaker(self._reading, expire_on_commit=False)

    @staticmethod
    def _engine(url: str, *, read_only: bool, pool_size: int) -> Engine:
        if url.startswith("sqlite"):
            engine = create_engine(url, pool_size=pool_size, max_overflow=64)
            _prepare_sqlite(engine, read_only=read_only)
            return engine
        return create_engine(
            url,
            pool_size=pool_size,
            max_overflow=64,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": 5,
                "options": "-c statement_timeout=10000 -c lock_timeout=5000"
                " -c idle_in_transaction_session_timeout=30000",
            },
        )

    @property
    def engine(self) -> Engine:
        """The engine that writes; for migrations and backup."""
        return self._writing

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A session that may write: commits at the end, rolls back on any exception."""
        with self._turn(alone=True), self._write_session.begin() as session:
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads."""
        turn = self._turn(alone=False) if self._readers_wait else nullcontext()
        with turn, self._read_session() as session:
            yield session

    def _turn(self, *, alone: bool) -> AbstractContextManager[None]:
        return nullcontext() if self._turns is None else self._turns.take(alone=alone)

    def now_ms(self) -> int:
        """The database's clock, milliseconds since 1970 UTC."""
        with self.read() as session:
            return int(session.execute(select(now_ms())).scalar_one())

    def close(self) -> None:
        self._writing.dispose()
        self._reading.dispose()
        if self._turns is not None:
            self._turns.close()
