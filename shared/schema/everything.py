"""All tables at once, for migrations and tests."""

from shared.schema import (
    accounts,
    archives,
    deliveries,
    messages,
    restorations,
    runs,
    scaling,
    tools,
)
from shared.schema.base import Base

__all__ = [
    "Base",
    "accounts",
    "archives",
    "deliveries",
    "messages",
    "restorations",
    "runs",
    "scaling",
    "tools",
]
metadata = Base.metadata
