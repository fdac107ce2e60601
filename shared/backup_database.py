"""A consistent copy of the database, with how many rows each table has in it, and the way back."""

import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, func, select, text
from sqlalchemy.pool import NullPool

import shared.sqlite_dialect  # noqa: F401 - our copy of SQLite for every engine
from shared.schema.everything import metadata
from shared.sqlite_driver import sqlite3


class BackupError(Exception):
    """Why it was not done, and what to do, in one sentence."""


def dump(url: URL, folder: Path) -> dict[str, int]:
    """Write the copy into `folder`; rows by table, of the same moment."""
    if url.get_backend_name() == "sqlite":
        copy = folder / "database.sqlite"
        copy_sqlite(Path(url.database or ""), copy)
        return count_rows(f"sqlite:///{copy}")
    engine = create_engine(url, poolclass=NullPool, isolation_level="REPEATABLE READ")
    try:
        with engine.begin() as connection:
            connection.execute(text("SET TRANSACTION READ ONLY"))
            moment = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
            options = ["--format=custom", "--no-owner", f"--snapshot={moment}"]
            _postgres("pg_dump", url, *options, f"--file={folder}/database.pgdump")
            return _rows(connection)
    finally:
        engine.dispose()


def load(url: URL, folder: Path) -> None:
    """Bring the copy into an empty database."""
    sqlite_file, dumped = folder / "database.sqlite", folder / "database.pgdump"
    on_sqlite = url.get_backend_name() == "sqlite"
    if on_sqlite and sqlite_file.exists():
        copy_sqlite(sqlite_file, Path(url.database or ""))
    elif not on_sqlite and dumped.exists():
        options = ["--no-owner", "--exit-on-error", "--single-transaction"]
        _postgres("pg_restore", url, *options, f"--dbname={url.database}", str(dumped))
    else:
        raise BackupError("The backup is of the other kind of database (SQLite or PostgreSQL).")


def count_rows(url: str) -> dict[str, int]:
    """Rows by table."""
    engine = create_engine(url, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            return _rows(connection)
    finally:
        engine.dispose()


def _rows(connection: Connection) -> dict[str, int]:
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in metadata.sorted_tables
    }


def has_tables(url: URL) -> bool:
    """Whether a PostgreSQL database is in use."""
    return "CREATE TABLE" in _postgres("pg_dump", url, "--schema-only")


def copy_sqlite(source: Path, target: Path) -> None:
    """A consistent, checked copy while others write."""
    if not source.is_file():
        raise BackupError(f"There is no database {source}.")
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.close(descriptor)
    with (
        closing(sqlite3.connect(source, timeout=30)) as reading,
        closing(sqlite3.connect(target)) as writing,
    ):
        reading.backup(writing)
        writing.execute("PRAGMA journal_mode = DELETE")  # the copy is one file, whoever opens it
        answer = writing.execute("PRAGMA integrity_check").fetchone()[0]
    if answer != "ok":
        raise BackupError(f"The copy of {source} is damaged: {answer}.")


def _postgres(program: str, url: URL, *arguments: str) -> str:
    """Run one of PostgreSQL's programs; the password travels in its environment, not in argv."""
    found = {
        "PGHOST": url.host or url.query.get("host"),
        "PGPORT": url.port,
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
    }
    environment = {name: str(value) for name, value in found.items() if value is not None}
    done = subprocess.run(
        [_program(program), *arguments],
        env={"PATH": os.defpath, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BackupError(f"{program} failed: {done.stderr.strip()}")
    return done.stdout


def _program(name: str) -> str:
    installed = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: int(p.parts[4])
    )
    found = str(installed[-1]) if installed else shutil.which(name)
    if not found:
        raise BackupError(f"{name} is missing: install the package postgresql-client.")
    return found
