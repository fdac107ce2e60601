"""Written by notifier: what was sent to whom."""

from sqlalchemy.orm import Mapped, mapped_column

from shared.schema.base import Base


class Delivery(Base):
    """One mail of one event to one person; a repeat carries the same Message-ID."""

    __tablename__ = "delivery"
    event_id: Mapped[str] = mapped_column(primary_key=True)
    recipient: Mapped[str] = mapped_column(primary_key=True)
    message_id: Mapped[str]
    state: Mapped[str]
    """`claimed`, then `sent`, or `refused` where the address takes no mail."""
    at: Mapped[int]


class Suppression(Base):
    """An address that gets no more mail, until an operator lifts it (`toolyard admin allow-mail`)."""

    __tablename__ = "suppression"
    address: Mapped[str] = mapped_column(primary_key=True)
    """Lower case."""
    kind: Mapped[str]
    """`bounce`, `complaint` or `refused` (by the mail server, at once)."""
    reason: Mapped[str]
    at: Mapped[int]
