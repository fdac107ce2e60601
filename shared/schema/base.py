"""What all tables share."""

from sqlalchemy import JSON, BigInteger, text, true
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared import tracing

JsonObject = dict[str, object]


class Base(DeclarativeBase):
    type_annotation_map = {JsonObject: JSON, list[str]: JSON, int: BigInteger}


class Leased:
    """Columns of a job that a worker holds under a fenced lease (DESIGN 3.2)."""

    state: Mapped[str] = mapped_column(index=True)
    fence: Mapped[int] = mapped_column(default=0)
    attempt: Mapped[str | None]
    token_digest: Mapped[str | None]
    lease_owner: Mapped[str | None]
    lease_until: Mapped[int | None] = mapped_column(index=True)
    not_before: Mapped[int] = mapped_column(default=0)
    announced_at: Mapped[int] = mapped_column(default=0)
    put_away: Mapped[bool] = mapped_column(default=False, server_default=true())
    """Whoever was woken for it found its account at the limit: it waits for a free place."""
    infra_attempts: Mapped[int] = mapped_column(default=0)
    cancel_requested_at: Mapped[int | None]
    trace: Mapped[str] = mapped_column(default=tracing.current, server_default=text("''"))
    """The traceparent of the request that asked for it; empty where traces are off."""
    result_fence: Mapped[int | None]
    reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[int]
    started_at: Mapped[int | None]
    finished_at: Mapped[int | None] = mapped_column(index=True)
