"""Written by web: tools, their versions, and the builds that make versions ready."""

from sqlalchemy import JSON, ForeignKey, LargeBinary, UniqueConstraint, false, text
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
    webhook_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Sealed (`web/seals.py`); a push that is signed with it builds a new version."""
    newest_commit: Mapped[str | None]
    """Of the newest version's link and ref, when it was last asked for."""
    newest_checked_at: Mapped[int | None]


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
    overrides: Mapped[str] = mapped_column(default="", server_default=text("''"))
    """`toolyard.yaml` as the owner pasted it or edited the plan; empty: the repository's own, if any."""
    forms: Mapped[JsonObject | None]
    """The form of each command (`shared.form.Form`), by the command's name."""
    sbom_key: Mapped[str | None]
    """Object with what the image holds, CycloneDX JSON."""
    provenance: Mapped[JsonObject | None]
    """Commit, plan, base digest and builder version that made the image (`shared.work.Provenance`)."""
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
    from_snapshot: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Built from the version's own source snapshot, because upstream has vanished."""


class Preview(Leased, Base):
    """A look at a repository without building: its plan, or only its newest commit, or why there is none."""

    __tablename__ = "preview"
    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    tool_id: Mapped[str | None] = mapped_column(ForeignKey("tool.id"))
    """The tool whose newest commit is asked for; nothing is detected then."""
    link: Mapped[str]
    ref: Mapped[str | None]
    folder: Mapped[str] = mapped_column(default="")
    runtime: Mapped[str | None]
    command: Mapped[str | None]
    overrides: Mapped[str] = mapped_column(default="")
    commit: Mapped[str | None]
    plan: Mapped[JsonObject | None]
    description: Mapped[str] = mapped_column(default="")


class SourceCredential(Base):
    """What an account shows to a Git host for its private repositories; sealed, never shown again."""

    __tablename__ = "source_credential"
    __table_args__ = (UniqueConstraint("account_id", "host"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    host: Mapped[str]
    username: Mapped[str]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[int]


class Image(Base):
    """What was built, by identity (DESIGN 3.7): registered once, collected least recently used first."""

    __tablename__ = "image"
    identity: Mapped[str] = mapped_column(primary_key=True)
    image: Mapped[str]
    size: Mapped[int]
    built_at: Mapped[int]
    last_used_at: Mapped[int] = mapped_column(index=True)
    collected_at: Mapped[int | None]
