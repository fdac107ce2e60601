"""Whether the linked SQLite may use a write-ahead log (DESIGN 3.6)."""

_WAL_FIXED = {(3, 44): 6, (3, 50): 7}
"""Backports of the WAL-reset fix: branch to first good patch."""


def wal_is_safe(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite has the fix for the WAL-reset bug that loses committed data."""
    return version >= (3, 51, 3) or version[2] >= _WAL_FIXED.get(version[:2], 1 << 30)
