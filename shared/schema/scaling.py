"""Written by web: how many workers were wanted, there and busy, over time."""

from sqlalchemy.orm import Mapped, mapped_column

from shared.schema.base import Base


class ScalingSample(Base):
    """One look at a group: written when something changed, and now and then while nothing does."""

    __tablename__ = "scaling_sample"
    group_name: Mapped[str] = mapped_column(primary_key=True)
    """`runner`, `builder` or `web`."""
    at: Mapped[int] = mapped_column(primary_key=True)
    desired: Mapped[int]
    running: Mapped[int]
    busy: Mapped[int]
    """Workers that hold a job; of web, all of them."""
    queued: Mapped[int]
    """Jobs that wait, also those whose account is at its limit."""
    active: Mapped[int]
    """Jobs that are worked on."""
    asked: Mapped[float]
    """Workers that this moment alone asked for, before bounds and hold; of web, requests a minute."""
    seconds: Mapped[float]
    """How long the oldest of the queued has waited; of web, how long answers took."""
    note: Mapped[str]
    """Why a group does not grow, in one sentence; else empty."""
