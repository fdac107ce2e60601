"""The drawing of the database is that of the models."""

from scripts.database_diagram import TARGET, diagram
from shared.schema.everything import metadata


def test_the_diagram_is_current() -> None:
    assert TARGET.read_text() == diagram(), "run: python -m scripts.database_diagram"


def test_every_table_and_column_is_in_it() -> None:
    drawn = diagram()
    for table in metadata.sorted_tables:
        entity = drawn.split(f"\n    {table.name} {{\n")[1].split("\n    }")[0]
        assert [line.split()[1] for line in entity.splitlines()] == [c.name for c in table.columns]
    assert '    account ||--o{ run : "account_id"' in drawn
    assert '    file |o--o{ run : "stdin_file_id"' in drawn
