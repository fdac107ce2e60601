"""The tables, one file per owner (DESIGN 3.4); times are milliseconds since 1970 UTC by the database's clock."""

from shared.schema.base import Base

__all__ = ["Base"]
