"""The one SQLite of all our processes: a newer one than Python's own, for its write-ahead log (decision 17)."""

from types import ModuleType
from typing import TYPE_CHECKING

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

if TYPE_CHECKING:
    import sqlite3
else:
    try:
        from pysqlite3 import dbapi2 as sqlite3
    except ImportError:  # not built for this machine: the rollback journal, if it must be
        import sqlite3

__all__ = ["OurSQLite", "sqlite3"]


class OurSQLite(SQLiteDialect_pysqlite):
    """Two copies of SQLite in one process would drop each other's locks, so every engine takes this one."""

    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> ModuleType:
        return sqlite3


registry.register("sqlite", __name__, OurSQLite.__name__)
