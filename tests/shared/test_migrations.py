"""The migrations make what the models say, on both databases."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from shared.db import Transactions
from shared.migrate import migrate
from shared.schema.everything import metadata


def _tables(url: str) -> set[str]:
    transactions = Transactions(url)
    try:
        return set(inspect(transactions.engine).get_table_names())
    finally:
        transactions.close()


def test_models_and_migrations_agree(transactions: Transactions) -> None:
    with transactions.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_comparison_sees_a_missing_index(new_database: Callable[..., str], kind: str) -> None:
    transactions = Transactions(new_database(kind, reuse=False))
    with transactions.engine.begin() as connection:
        connection.exec_driver_sql("DROP INDEX one_terminal")
    with transactions.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) != []
    transactions.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_down_and_up_again(new_database: Callable[..., str], kind: str) -> None:
    url = new_database(kind, migrated=False)

    migrate(url)
    assert _tables(url) >= set(metadata.tables)

    migrate(url, "base")
    assert _tables(url) <= {"alembic_version"}

    migrate(url)
    assert _tables(url) >= set(metadata.tables)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_several_may_start_at_once(new_database: Callable[..., str], kind: str) -> None:
    url = new_database(kind, migrated=False)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(migrate, [url] * 6))

    assert _tables(url) >= set(metadata.tables)
