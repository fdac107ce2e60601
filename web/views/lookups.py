"""What pages read: short queries that never cross what the viewer may see."""

from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import ColumnElement, exists, false, func, or_, select
from sqlalchemy.orm import Session, aliased

from shared.db import now_ms
from shared.schema.accounts import Account
from shared.schema.runs import JobEvent, Output, Run, RunInput
from shared.schema.tools import Build, Tool, Version
from web.views.run_filters import RunFilter

PAGE = 50
VERSIONS = 20


def versions(session: Session, tool: Tool) -> list[Version]:
    """The newest versions, newest first; one more than is shown, if there is one."""
    return list(
        session.scalars(
            select(Version)
            .where(Version.tool_id == tool.id)
            .order_by(Version.number.desc())
            .limit(VERSIONS + 1)
        )
    )


def recent_outputs(session: Session, account: Account, most_bytes: int) -> list[Output]:
    """The account's newest outputs that fit into another run."""
    return list(
        session.scalars(
            select(Output)
            .join(Run, Run.id == Output.run_id)
            .where(Run.account_id == account.id, Output.size <= most_bytes)
            .order_by(Run.created_at.desc(), Output.n)
            .limit(PAGE)
        )
    )


def newest_ready(session: Session, tool: Tool) -> Version | None:
    """The newest version that can be run."""
    return session.scalars(
        select(Version)
        .where(Version.tool_id == tool.id, Version.state == "ready")
        .order_by(Version.number.desc())
        .limit(1)
    ).one_or_none()


def latest_build(session: Session, version_id: str) -> Build | None:
    """The last build of a version."""
    return session.scalars(
        select(Build)
        .where(Build.version_id == version_id)
        .order_by(Build.created_at.desc(), Build.id.desc())
        .limit(1)
    ).one_or_none()


def events(session: Session, job_id: str) -> list[JobEvent]:
    """A job's history, oldest first."""
    return list(
        session.scalars(
            select(JobEvent).where(JobEvent.job_id == job_id).order_by(JobEvent.seq).limit(500)
        )
    )


@dataclass(frozen=True)
class ToolRow:
    """A tool as lists show it: its newest version and that version's last build."""

    tool: Tool
    version: Version
    build: Build | None


def tools(
    session: Session, viewer: Account | None, sought: str, *, mine: bool, before: int, limit: int
) -> list[ToolRow]:
    """Tools of the viewer, or the public ones of others, newest first."""
    newest = (
        select(Version.tool_id, func.max(Version.number).label("number"))
        .group_by(Version.tool_id)
        .subquery()
    )
    query = (
        select(Tool, Version)
        .join(newest, newest.c.tool_id == Tool.id)
        .join(Version, (Version.tool_id == Tool.id) & (Version.number == newest.c.number))
        .where(Tool.deleted_at.is_(None))
        .order_by(Tool.created_at.desc(), Tool.id)
        .limit(limit)
    )
    if mine:
        query = query.where(Tool.account_id == viewer.id if viewer else false())
    else:
        query = query.where(Tool.private.is_(False))
        if viewer:
            query = query.where(Tool.account_id != viewer.id)
        # What strangers see must be usable: a tool that never was ready is its owner's concern.
        ready = aliased(Version)
        query = query.where(exists().where(ready.tool_id == Tool.id, ready.state == "ready"))
    if before:
        query = query.where(Tool.created_at < before)
    for word in sought.split()[:6]:
        query = query.where(or_(_has(Tool.name, word), _has(Tool.description, word)))
    rows = session.execute(query).all()
    pending = [row.Version.id for row in rows if row.Version.state == "pending"]
    builds: dict[str, Build] = {}
    if pending:
        for found in session.scalars(
            select(Build).where(Build.version_id.in_(pending)).order_by(Build.created_at)
        ):
            builds[found.version_id] = found
    return [ToolRow(row.Tool, row.Version, builds.get(row.Version.id)) for row in rows]


class RunRow(NamedTuple):
    """A run as lists show it: plans, forms and manifests are large, and fifty are read at once."""

    id: str
    state: str
    command: str
    argv: list[str]
    created_at: int
    started_at: int | None
    finished_at: int | None
    cancel_requested_at: int | None
    seconds: float | None
    exit_code: int | None
    signal: int | None
    oom: bool
    tool_id: str
    tool_name: str
    number: int
    bytes: int | None
    """Of all outputs."""


_LISTED = (
    select(
        *(getattr(Run, name) for name in RunRow._fields[:12]),
        Tool.id.label("tool_id"),
        Tool.name.label("tool_name"),
        Version.number,
        select(func.sum(Output.size)).where(Output.run_id == Run.id).scalar_subquery(),
    )
    .join(Tool, Tool.id == Run.tool_id)
    .join(Version, Version.id == Run.version_id)
    .order_by(Run.created_at.desc(), Run.id.desc())
)


def runs(
    session: Session,
    account_id: str,
    wanted: RunFilter,
    *,
    tool_id: str = "",
    cursor: str = "",
    limit: int = PAGE,
) -> list[RunRow]:
    """Runs of an account, newest first, after the cursor."""
    query = _LISTED.where(Run.account_id == account_id).limit(limit)
    if tool_id:
        query = query.where(Run.tool_id == tool_id)
    query = query.where(*_conditions(wanted))
    at, _, last = cursor.partition(".")
    if at.isdecimal() and len(at) < 16:
        query = query.where(
            or_(Run.created_at < int(at), (Run.created_at == int(at)) & (Run.id < last))
        )
    return [RunRow._make(row) for row in session.execute(query)]


def _conditions(wanted: RunFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.tool:
        found.append(func.lower(Tool.name) == wanted.tool.lower())
    if wanted.file:
        taken = select(RunInput.run_id).where(RunInput.file_id == wanted.file)
        found.append(or_(Run.stdin_file_id == wanted.file, Run.id.in_(taken)))
    if wanted.states:
        found.append(Run.state.in_(sorted(wanted.states)))
    if wanted.since_seconds is not None:
        found.append(Run.created_at >= now_ms() - wanted.since_seconds * 1000)
    for word in wanted.words:
        found.append(or_(_has(Run.line, word), _has(Run.command, word), _has(Tool.name, word)))
    return found


def _has(column: object, word: str) -> ColumnElement[bool]:
    return column.icontains(word, autoescape=True)  # type: ignore[attr-defined,no-any-return]
