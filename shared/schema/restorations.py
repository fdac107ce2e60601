"""Written by web: by the operator's hand, when the platform was restored from a backup."""

from sqlalchemy.orm import Mapped, mapped_column

from shared.schema.base import Base


class Restoration(Base):
    """The platform was restored from a backup: what had happened before `at` is told to nobody again."""

    __tablename__ = "restoration"
    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[int]
    backup_at: Mapped[int | None]
