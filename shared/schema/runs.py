"""Written by web: runs, their files, phases and live logs."""

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.schema.base import Base, JsonObject, Leased


class File(Base):
    """An uploaded file, under the object key `files/<id>`."""

    __tablename__ = "file"
    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    name: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    """Of the bytes; or of their parts (`shared.uploads.of_parts`) until they have been read once."""
    key: Mapped[str]
    created_at: Mapped[int]
    deleted_at: Mapped[int | None]
    """By its owner: the bytes are gone, runs that took it still say what went in."""


class Upload(Base):
    """A file on its way from a client straight to the object store."""

    __tablename__ = "upload"
    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    file_id: Mapped[str]
    """The id of the file that it becomes, whose row does not exist before."""
    name: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str | None]
    """As the client announced it; then the bytes must have it."""
    in_store: Mapped[str | None]
    """The store's own id of an upload in parts; null for one form POST."""
    part_size: Mapped[int]
    created_at: Mapped[int] = mapped_column(index=True)
    finished_at: Mapped[int | None]
    parts_sha256: Mapped[str | None]
    """Of the parts that it was completed of; null before, and for one form POST."""


class Run(Leased, Base):
    __tablename__ = "run"
    __table_args__ = (
        Index("run_list", "account_id", "created_at", "id"),
        Index(
            "run_stdin",
            "stdin_file_id",
            sqlite_where=text("stdin_file_id IS NOT NULL"),
            postgresql_where=text("stdin_file_id IS NOT NULL"),
        ),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    tool_id: Mapped[str] = mapped_column(ForeignKey("tool.id"), index=True)
    version_id: Mapped[str] = mapped_column(ForeignKey("version.id"), index=True)
    command: Mapped[str]
    line: Mapped[str]
    """The arguments as they were typed: a command line or JSON."""
    argv: Mapped[list[str]]
    """The parsed arguments, without the command's own words."""
    env: Mapped[JsonObject]
    network: Mapped[JsonObject]
    limits: Mapped[JsonObject]
    stdin_file_id: Mapped[str | None] = mapped_column(ForeignKey("file.id"))
    exit_code: Mapped[int | None]
    signal: Mapped[int | None]
    oom: Mapped[bool] = mapped_column(default=False)
    seconds: Mapped[float | None]
    manifest: Mapped[JsonObject | None]
    manifest_key: Mapped[str | None]


class RunInput(Base):
    __tablename__ = "run_input"
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    file_id: Mapped[str] = mapped_column(ForeignKey("file.id"), index=True)


class Output(Base):
    __tablename__ = "output"
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    key: Mapped[str]


class JobEvent(Base):
    """A phase or state that a run or build reached; at most one terminal row a job."""

    __tablename__ = "job_event"
    __table_args__ = (
        Index(
            "one_terminal",
            "job_id",
            unique=True,
            sqlite_where=text("terminal"),
            postgresql_where=text("terminal"),
        ),
    )
    job_id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    phase: Mapped[str]
    detail: Mapped[str] = mapped_column(default="")
    terminal: Mapped[bool] = mapped_column(default=False)
    fence: Mapped[int]
    at: Mapped[int]


class LogChunk(Base):
    """Bytes of a live stream; old ones move to an object (`key`), all go when the whole log is kept."""

    __tablename__ = "log_chunk"
    job_id: Mapped[str] = mapped_column(primary_key=True)
    fence: Mapped[int] = mapped_column(primary_key=True)
    stream: Mapped[str] = mapped_column(primary_key=True)
    start: Mapped[int] = mapped_column(primary_key=True)
    size: Mapped[int]
    data: Mapped[bytes | None] = mapped_column(LargeBinary)
    key: Mapped[str | None]
    at: Mapped[int]
