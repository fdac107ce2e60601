"""Written by archiver_service: where a finished run's results are kept."""

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from shared.schema.base import Base


class Archive(Base):
    __tablename__ = "archive"
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[str] = mapped_column(default="hot")
    due_at: Mapped[int | None]
    """When the results move to cold storage; null where the plan keeps them hot."""
    created_at: Mapped[int]
