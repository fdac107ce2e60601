"""Bring a database to the schema that this code expects."""

import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from shared.db import Transactions

_LOCK = 7_304_205_511
"""Any number that no other use of this database's advisory locks has."""
_LOCK_NOT_AVAILABLE = "55P03"
_LOCK_SECONDS = 1
"""Whoever writes waits behind a change of its table that itself waits, for a backup's end perhaps."""
_TRIES = 300
_PAUSE_SECONDS = 2.0


def migrate(url: str, revision: str = "head", *, pause: float = _PAUSE_SECONDS) -> None:
    """Upgrade (or, to an older revision, go down) in one transaction; several processes may start at once.

    A table that somebody holds for longer than a second is let go and asked for again later.
    """
    for left in reversed(range(_TRIES)):
        try:
            _migrate(url, revision)
            break
        except OperationalError as error:
            if not left or getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
        time.sleep(pause)


def _migrate(url: str, revision: str) -> None:
    transactions = Transactions(url)
    try:
        with transactions.engine.begin() as connection:
            _alone(connection)
            config = configuration(connection)
            if revision == "base" or revision.startswith("-"):
                command.downgrade(config, revision)
            else:
                command.upgrade(config, revision)
    finally:
        transactions.close()


def configuration(connection: Connection) -> Config:
    """Alembic's configuration for commands on an open connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _alone(connection: Connection) -> None:
    """Others who migrate wait here; on SQLite the transaction itself is the lock."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
