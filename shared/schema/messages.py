"""Written by whoever writes the row beside it: what must be published, what was handled."""

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.schema.base import Base


class Outbox(Base):
    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "outbox_todo",
            "at",
            sqlite_where=text("published_at IS NULL"),
            postgresql_where=text("published_at IS NULL"),
        ),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    """The event's own id."""
    body: Mapped[str]
    at: Mapped[int]
    published_at: Mapped[int | None]


class Inbox(Base):
    __tablename__ = "inbox"
    consumer: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[int] = mapped_column(index=True)
