"""SQLAlchemy's `sqlite://` on our copy of SQLite, for every engine of a process that has imported this."""

from types import ModuleType

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from shared.sqlite_driver import sqlite3


class OurSQLite(SQLiteDialect_pysqlite):
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> ModuleType:
        return sqlite3


registry.register("sqlite", __name__, OurSQLite.__name__)
