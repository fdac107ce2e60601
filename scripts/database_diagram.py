"""Draws docs/database.md from the models: `python -m scripts.database_diagram`; a test says when it is stale."""

import inspect
import sys
from pathlib import Path

from sqlalchemy import Table

from shared.grants import OWNERS
from shared.schema.everything import Base

TARGET = Path(__file__).parent.parent / "docs/database.md"
_HEAD = """# The database

Drawn from `shared/schema/` by `python -m scripts.database_diagram`. One service writes each table (`shared/grants.py`); times
are milliseconds since 1970 UTC. A solid line is a foreign key that the database checks.
"""


def _files() -> dict[str, list[Table]]:
    """Tables by the file of `shared/schema/` that has them."""
    found: dict[str, list[Table]] = {}
    for mapper in Base.registry.mappers:
        file = mapper.class_.__module__.rpartition(".")[2]
        found.setdefault(file, []).append(mapper.local_table)
    return {file: sorted(tables, key=lambda t: t.name) for file, tables in sorted(found.items())}


def _sentence(table: Table) -> str:
    for mapper in Base.registry.mappers:
        own = mapper.class_.__doc__
        if mapper.local_table is table and own and not own.startswith("("):
            return inspect.cleandoc(own).splitlines()[0].rstrip(".")
    return ""


def _entity(table: Table) -> list[str]:
    lines = [f"    {table.name} {{"]
    for column in table.columns:
        kind = type(column.type).__name__.lower()
        keys = [
            *(["PK"] if column.primary_key else []),
            *(["FK"] if column.foreign_keys else []),
        ]
        mark = f" {', '.join(keys)}" if keys else ""
        optional = ' "may be null"' if column.nullable else ""
        lines.append(f"        {kind} {column.name}{mark}{optional}")
    return [*lines, "    }"]


def _lines(table: Table) -> list[str]:
    """One line for each foreign key, from the table that it names."""
    return [
        f'    {key.column.table.name} {"|o" if column.nullable else "||"}--o{{ {table.name} : "{column.name}"'
        for column in table.columns
        for key in sorted(column.foreign_keys, key=lambda k: k.target_fullname)
    ]


def diagram() -> str:
    """The whole page."""
    files = _files()
    parts = [_HEAD, "```mermaid", "erDiagram"]
    for tables in files.values():
        for table in tables:
            parts += _lines(table)
    for tables in files.values():
        for table in tables:
            parts += _entity(table)
    parts += ["```", "", "| file | written by | tables |", "|---|---|---|"]
    for file, tables in files.items():
        told = "; ".join(
            f"`{table.name}`" + (f": {_sentence(table)}" if _sentence(table) else "")
            for table in tables
        )
        parts.append(
            f"| `{file}.py` | {OWNERS.get(file, 'whoever writes the row beside it')} | {told} |"
        )
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    TARGET.write_text(diagram())
    sys.stderr.write(f"{TARGET} is drawn\n")
