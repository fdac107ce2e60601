"""What pages and API show of tools, runs and builds: read models, no decisions."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, defer

from shared.schema.accounts import Account
from shared.schema.runs import File, JobEvent, Output, Run, RunInput
from shared.schema.tools import Build, Tool, Version
from web import access, jobs, queue_position, run_states
from web.access import Viewer
from web.jobs import Job
from web.queue_position import Place
from web.refusals import Absent, Invalid

MAX_PAGE = 200
T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Part of a list, newest first; `next` is the cursor of the following part, None at the end."""

    items: list[T]
    next: str | None


@dataclass(frozen=True)
class ToolListed:
    """A tool, its owner, its newest version that is ready (None: not usable yet) and its newest at all.

    The versions come without README and plans tried.
    """

    tool: Tool
    owner: str
    ready: Version | None
    newest: Version | None


@dataclass(frozen=True)
class RunListed:
    """A run (its manifest is not loaded) and what it is called."""

    run: Run
    tool: Tool
    version_number: int


@dataclass(frozen=True)
class Phase:
    """A stretch of a job's life; `seconds` up to the next one, or up to now in the last one of a live job."""

    seq: int
    phase: str
    detail: str
    at: int
    fence: int
    terminal: bool
    seconds: float | None


@dataclass(frozen=True)
class RunDetails:
    """All about one run."""

    run: Run
    tool: Tool
    version: Version
    outputs: list[Output]
    inputs: list[tuple[str, File]]
    stdin: File | None
    phases: list[Phase]
    place: Place | None
    """In the queue; None unless it is queued."""
    build: Build | None
    """The build it waits for."""


@dataclass(frozen=True)
class BuildDetails:
    """All about one build; what was tried stands in `version.plans_tried`."""

    build: Build
    version: Version
    tool: Tool
    phases: list[Phase]
    place: Place | None


def list_tools(
    session: Session,
    viewer: Viewer,
    *,
    scope: Literal["all", "mine", "public"] = "all",
    search: str = "",
    cursor: str | None = None,
    limit: int = 50,
) -> Page[ToolListed]:
    """Own tools in any state, and public ones that are ready: nobody is offered what cannot run."""
    ready = exists().where(Version.tool_id == Tool.id, Version.state == "ready")
    public = and_(Tool.private.is_(False), ready)
    mine = Tool.account_id == (viewer.id if viewer else "")
    condition: ColumnElement[bool] = {"all": or_(mine, public), "mine": mine, "public": public}[
        scope
    ]
    query = (
        select(Tool, Account.email)
        .join(Account, Account.id == Tool.account_id)
        .where(Tool.deleted_at.is_(None), condition)
    )
    if search.strip():
        text = search.strip().lower()
        query = query.where(
            or_(
                func.lower(Tool.name).contains(text, autoescape=True),
                func.lower(Tool.description).contains(text, autoescape=True),
            )
        )
    rows, following = _page(session, query, Tool, cursor, limit)
    versions = _versions(session, [row[0].id for row in rows])
    items = []
    for tool, owner in rows:
        own = versions.get(tool.id, [])
        usable = next((version for version in own if version.state == "ready"), None)
        items.append(ToolListed(tool, owner, usable, own[0] if own else None))
    return Page(items, following)


def list_runs(
    session: Session,
    viewer: Viewer,
    *,
    tool_id: str | None = None,
    states: Sequence[str] = (),
    everybody: bool = False,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[RunListed]:
    """The viewer's own runs over all tools; `everybody` is for administrators."""
    if viewer is None:
        return Page([], None)
    query = (
        select(Run, Tool, Version.number)
        .join(Tool, Tool.id == Run.tool_id)
        .join(Version, Version.id == Run.version_id)
        .options(defer(Run.manifest))
    )
    if not (everybody and access.is_admin(viewer)):
        query = query.where(Run.account_id == viewer.id)
    if tool_id is not None:
        query = query.where(Run.tool_id == tool_id)
    if states:
        unknown = sorted(set(states) - run_states.ALL)
        if unknown:
            raise Invalid(
                f"There is no state {unknown[0][:40]!r}; known are {', '.join(sorted(run_states.ALL))}."
            )
        query = query.where(Run.state.in_(sorted(states)))
    rows, following = _page(session, query, Run, cursor, limit)
    return Page([RunListed(run, tool, number) for run, tool, number in rows], following)


def run_details(session: Session, viewer: Viewer, run_id: str) -> RunDetails:
    """Everything a run's page shows; raises `Absent` also where the viewer may not see it."""
    run = session.get(Run, run_id)
    if run is None or not access.may_see_run(viewer, run):
        raise Absent(f"There is no run {run_id[:100]!r} of yours.")
    version = session.get_one(Version, run.version_id)
    inputs = session.execute(
        select(RunInput.name, File)
        .join(File, File.id == RunInput.file_id)
        .where(RunInput.run_id == run.id)
        .order_by(RunInput.name)
    ).all()
    build = latest_build(session, version) if run.state == "waiting_build" else None
    return RunDetails(
        run=run,
        tool=session.get_one(Tool, run.tool_id),
        version=version,
        outputs=outputs_of(session, run),
        inputs=[(name, file) for name, file in inputs],
        stdin=session.get(File, run.stdin_file_id) if run.stdin_file_id else None,
        phases=phases_of(session, run),
        place=queue_position.place(session, run),
        build=build,
    )


def outputs_of(session: Session, run: Run) -> list[Output]:
    """In the order the runner reported them."""
    return list(session.scalars(select(Output).where(Output.run_id == run.id).order_by(Output.n)))


def build_details(session: Session, viewer: Viewer, build_id: str) -> BuildDetails:
    """Everything a build's page shows: for whoever sees the tool, unfinished and failed ones for its owner."""
    build = session.get(Build, build_id)
    if build is not None:
        version = session.get_one(Version, build.version_id)
        tool = session.get_one(Tool, version.tool_id)
        shown = access.may_edit_tool(viewer, tool) or (
            access.may_see_tool(viewer, tool) and build.state == "succeeded"
        )
        if shown:
            place = queue_position.place(session, build)
            return BuildDetails(build, version, tool, phases_of(session, build), place)
    raise Absent(f"There is no build {build_id[:100]!r}, or it is not yours.")


def latest_build(session: Session, version: Version) -> Build | None:
    """The newest build of a version."""
    return session.scalars(
        select(Build)
        .where(Build.version_id == version.id)
        .order_by(Build.created_at.desc(), Build.id.desc())
        .limit(1)
    ).one_or_none()


def phases_of(session: Session, job: Job) -> list[Phase]:
    """The job's history with the seconds each part took."""
    events = session.scalars(
        select(JobEvent).where(JobEvent.job_id == job.id).order_by(JobEvent.seq)
    ).all()
    now = jobs.clock(session)
    ends = [event.at for event in events[1:]] + [now]
    return [
        Phase(
            seq=event.seq,
            phase=event.phase,
            detail=event.detail,
            at=event.at,
            fence=event.fence,
            terminal=event.terminal,
            seconds=None if event.terminal else max(0, end - event.at) / 1000,
        )
        for event, end in zip(events, ends, strict=True)
    ]


def _versions(session: Session, tool_ids: list[str]) -> dict[str, list[Version]]:
    found: dict[str, list[Version]] = {}
    for version in session.scalars(
        select(Version)
        .where(Version.tool_id.in_(tool_ids))
        .order_by(Version.number.desc())
        .options(defer(Version.readme), defer(Version.plans_tried))
    ):
        found.setdefault(version.tool_id, []).append(version)
    return found


def _page(
    session: Session, query: Any, table: Any, cursor: str | None, limit: int
) -> tuple[list[Any], str | None]:
    size = max(1, min(limit, MAX_PAGE))
    if cursor:
        at, last = _decoded(cursor)
        query = query.where(
            or_(table.created_at < at, and_(table.created_at == at, table.id < last))
        )
    rows = session.execute(
        query.order_by(table.created_at.desc(), table.id.desc()).limit(size + 1)
    ).all()
    if len(rows) <= size:
        return list(rows), None
    end = rows[size - 1][0]
    text = f"{end.created_at}:{end.id}".encode()
    return list(rows[:size]), base64.urlsafe_b64encode(text).decode().rstrip("=")


def _decoded(cursor: str) -> tuple[int, str]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, _, last = text.partition(":")
        return int(at), last
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise Invalid("The cursor is not one of ours. Begin at the first page.") from error
