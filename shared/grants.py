"""One writer per table on PostgreSQL (DESIGN 3.4): roles that may read all and write only what is their service's."""

import re

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.db import Transactions
from shared.schema.everything import Base

OWNERS = {
    "accounts": "web",
    "tools": "web",
    "runs": "web",
    "scaling": "web",
    "restorations": "web",
    "archives": "archiver",
    "deliveries": "notifier",
}
"""Who writes the tables of each file in `shared/schema/`; those of `messages` are written by all."""

SERVICES = tuple(sorted(set(OWNERS.values())))
_PREFIX = re.compile(r"[a-z][a-z0-9_]{0,30}")


class NoGrants(Exception):
    """The grants cannot be made; the text says why."""


def role(prefix: str, service: str) -> str:
    """The role that a service's database user must be a member of."""
    return f"{prefix}_{service}"


def tables_of(service: str) -> list[str]:
    """The tables that only this service writes."""
    return sorted(table for table, file in _files().items() if OWNERS.get(file) == service)


def statements(prefix: str) -> list[str]:
    """Everything from nothing, or from an earlier version of it; safe to repeat."""
    if not _PREFIX.fullmatch(prefix):
        raise NoGrants(f"{prefix[:40]!r} is no prefix of roles: small letters, digits and _.")
    unknown = sorted(set(_files().values()) - set(OWNERS) - {"messages"})
    if unknown:
        raise NoGrants(f"Nobody is named as the writer of {', '.join(unknown)}.")
    made: list[str] = []
    for service in SERVICES:
        name = role(prefix, service)
        made += [
            f"DO $$ BEGIN CREATE ROLE {name} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
            f"GRANT USAGE ON SCHEMA public TO {name}",
            f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {name}",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}",
            f"GRANT INSERT ON inbox, outbox TO {name}",
            f"GRANT INSERT, UPDATE, DELETE ON {', '.join(_quoted(tables_of(service)))} TO {name}",
        ]
    # The relay is web's: it marks what it has published and trims both.
    made.append(f"GRANT UPDATE, DELETE ON inbox, outbox TO {role(prefix, 'web')}")
    return made


def apply(transactions: Transactions, prefix: str) -> None:
    """Carry them out as the tables' owner, all or none; after each migration again."""
    if transactions.engine.dialect.name != "postgresql":
        raise NoGrants("Only PostgreSQL has grants; an SQLite file is one host's own.")
    try:
        with transactions.engine.begin() as connection:
            for statement in statements(prefix):
                connection.execute(text(statement))
    except DBAPIError as error:
        raise NoGrants(f"The database refused: {error.orig}") from error


def _files() -> dict[str, str]:
    """Each table, and the file it is declared in."""
    return {
        str(mapper.class_.__tablename__): mapper.class_.__module__.rpartition(".")[2]
        for mapper in Base.registry.mappers
    }


def _quoted(names: list[str]) -> list[str]:
    return [f'"{name}"' for name in names]
