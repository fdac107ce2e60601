"""Written by web: tools, their versions, and the builds that make versions ready."""

from sqlalchemy import JSON, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.schema.base import Base, JsonObject, Leased


class Tool(Base):
    __tablename__ = "tool"
    __table_args__ = (UniqueConstraint("account_id", "name"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    name: Mapped[str] = mapped_column(index=True)
    description: Mapped[str] = mapped_column(default="")
    private: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[int]
    deleted_at: Mapped[int | None]


class Version(Base):
    """One link, ref, folder, runtime and entry point of a tool; made ready by a build (DESIGN 3.13)."""

    __tablename__ = "version"
    __table_args__ = (UniqueConstraint("tool_id", "number"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    tool_id: Mapped[str] = mapped_column(ForeignKey("tool.id"), index=True)
    number: Mapped[int]
    link: Mapped[str]
    ref: Mapped[str | None]
    folder: Mapped[str] = mapped_column(default="")
    runtime: Mapped[str | None]
    command: Mapped[str | None]
    network: Mapped[JsonObject | None]
    """As the owner wants it (`shared.plan.Network`), or null: as the plan proposes."""
    state: Mapped[str] = mapped_column(index=True)
    """`pending`, `ready` or `failed`."""
    commit: Mapped[str | None]
    image: Mapped[str | None]
    identity: Mapped[str | None]
    plan: Mapped[JsonObject | None]
    plans_tried: Mapped[list[object]] = mapped_column(JSON, default=list)
    commands: Mapped[list[object]] = mapped_column(JSON, default=list)
    readme: Mapped[str] = mapped_column(default="")
    licence: Mapped[str] = mapped_column(default="")
    source_key: Mapped[str | None]
    reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[int]
    ready_at: Mapped[int | None]


class Build(Leased, Base):
    __tablename__ = "build"
    id: Mapped[str] = mapped_column(primary_key=True)
    version_id: Mapped[str] = mapped_column(ForeignKey("version.id"), index=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)


class Image(Base):
    """What was built, by identity (DESIGN 3.7): registered once, collected least recently used first."""

    __tablename__ = "image"
    identity: Mapped[str] = mapped_column(primary_key=True)
    image: Mapped[str]
    size: Mapped[int]
    built_at: Mapped[int]
    last_used_at: Mapped[int] = mapped_column(index=True)
    collected_at: Mapped[int | None]
