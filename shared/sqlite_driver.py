"""The one SQLite of all our processes: a newer one than Python's own, for its write-ahead log (decision 17).

Two copies of SQLite in one process would drop each other's locks: nobody else imports either.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
else:
    try:
        from pysqlite3 import dbapi2 as sqlite3
    except ImportError:  # not built for this machine: the rollback journal, if it must be
        import sqlite3

__all__ = ["sqlite3"]
