"""The database's password is a secret of the installation's store, and may be rotated."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from shared.database_login import Login, parse
from shared.db import Transactions
from shared.ids import new_id
from shared.secret_store import SecretsUnavailable
from shared.settings import Settings
from tests.conftest import PostgresServer


def test_a_secret_is_a_password_or_what_rds_keeps() -> None:
    assert parse("p4ss") == Login("", "p4ss")
    assert parse("12345678") == Login("", "12345678")
    rds = '{"engine": "postgres", "username": "owner", "password": "p4ss", "port": 5432}'
    assert parse(rds) == Login("owner", "p4ss")
    assert "p4ss" not in repr(parse(rds))
    with pytest.raises(SecretsUnavailable, match="JSON without"):
        parse('{"username": "owner"}')


def settings(tmp_path: Path, secret: str) -> Settings:
    found = Settings.read(
        {
            "TOOLYARD_DATA": str(tmp_path),
            "TOOLYARD_DATABASE_URL": "postgresql+psycopg://web@db.internal:5432/toolyard",
            "TOOLYARD_DATABASE_PASSWORD": "database-password",
        }
    )
    folder = tmp_path / "secrets"
    folder.mkdir(exist_ok=True)
    (folder / "database-password").write_text(secret)
    return found


def test_a_migration_gets_a_url_with_the_password(tmp_path: Path) -> None:
    url = make_url(settings(tmp_path, "a:b/c@d%").database_url_with_login)
    assert (url.username, url.password, url.host) == ("web", "a:b/c@d%", "db.internal")
    assert url.database == "toolyard"


def test_the_user_that_rds_names_goes_before_the_url_s(tmp_path: Path) -> None:
    url = make_url(
        settings(tmp_path, '{"username": "owner", "password": "x"}').database_url_with_login
    )
    assert (url.username, url.password) == ("owner", "x")


def test_without_the_secret_nothing_starts(tmp_path: Path) -> None:
    found = settings(tmp_path, "")
    with pytest.raises(SecretsUnavailable, match="database-password"):
        _ = found.database_url_with_login


def test_a_rotated_password_is_asked_for_again(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """The server trusts its socket, so that the refusal comes from a hook that plays the server."""
    user = new_id("u")
    postgres_server.execute(f"CREATE ROLE {user} LOGIN")
    found = settings(tmp_path, f'{{"username": "{user}", "password": "old"}}')
    transactions = Transactions(postgres_server.url("postgres"), login=found.database_login)
    valid = {"password": "old"}
    dialect = transactions.engine.dialect
    connect = dialect.connect

    def server(*arguments: object, **options: object) -> object:
        if options["password"] != valid["password"]:
            raise dialect.loaded_dbapi.OperationalError("password authentication failed")
        return connect(*arguments, **options)

    dialect.connect = server  # type: ignore[method-assign,assignment]
    try:
        with transactions.read() as session:
            assert session.execute(text("SELECT current_user")).scalar_one() == user

        valid["password"] = "new"
        (tmp_path / "secrets" / "database-password").write_text(
            f'{{"username": "{user}", "password": "new"}}'
        )
        transactions.engine.dispose()
        with transactions.read() as session:
            assert session.execute(text("SELECT 1")).scalar_one() == 1

        valid["password"] = "unknown"
        transactions.engine.dispose()
        with pytest.raises(OperationalError), transactions.read() as session:
            session.execute(text("SELECT 1"))
    finally:
        transactions.close()
        postgres_server.execute(f"DROP ROLE {user}")
