"""Rows as the API shows them."""

from collections.abc import Sequence
from typing import Literal, cast

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from shared.form import Form
from shared.plan import Command, Network, Plan
from shared.schema.accounts import Account
from shared.schema.runs import File, Output, Run
from shared.schema.tools import Build, Preview, Tool, Version
from shared.work import Manifest, PlanTried
from shared.yaml_writing import written
from web import access, networks, queue_position
from web.jobs import TERMINAL, Job
from web.schemas import (
    BuildInfo,
    FileInfo,
    OutputInfo,
    PreviewInfo,
    RunInfo,
    StreamInfo,
    ToolInfo,
    VersionInfo,
)

State = Literal["pending", "ready", "failed"]


def version(found: Tool, made: Version, build_id: str | None) -> VersionInfo:
    return VersionInfo(
        tool=found.name,
        tool_id=found.id,
        version=made.number,
        id=made.id,
        state=cast(State, made.state),
        link=made.link,
        ref=made.ref,
        folder=made.folder,
        runtime=made.runtime,
        command=made.command,
        overrides=made.overrides,
        network=networks.network_of(made),
        commit=made.commit,
        image=made.image,
        commands=[Command.model_validate(command) for command in made.commands],
        plan=Plan.model_validate(made.plan) if made.plan is not None else None,
        plans_tried=[PlanTried.model_validate(tried) for tried in made.plans_tried],
        licence=made.licence,
        reason=made.reason,
        created_at=made.created_at,
        ready_at=made.ready_at,
        build_id=build_id,
    )


def tools(session: Session, viewer: Account | None, found: Sequence[Tool]) -> list[ToolInfo]:
    """Each as its newest ready version has it, else its newest; without the READMEs."""
    ids = [one.id for one in found]
    versions: dict[str, list[Version]] = {tool_id: [] for tool_id in ids}
    for made in session.scalars(
        select(Version)
        .where(Version.tool_id.in_(ids))
        .order_by(Version.number.desc())
        .options(defer(Version.readme), defer(Version.forms))
    ):
        versions[made.tool_id].append(made)
    shown = []
    for one in found:
        ready = next((v for v in versions[one.id] if v.state == "ready"), versions[one.id][0])
        shown.append(tool(session, viewer, one, ready, versions[one.id]))
    return shown


def tool(
    session: Session,
    viewer: Account | None,
    found: Tool,
    made: Version,
    versions: Sequence[Version],
    *,
    readme: str = "",
    forms: dict[str, Form] | None = None,
) -> ToolInfo:
    """The tool with one of its versions; `versions` are all, newest first."""
    facts = version(found, made, newest_build(session, made)).model_dump()
    return ToolInfo(
        **{**facts, "id": found.id},
        description=found.description,
        private=found.private,
        mine=access.owns_tool(viewer, found),
        readme=readme,
        forms=forms or {},
        versions=len(versions),
        newest=versions[0].number,
        newest_state=cast(State, versions[0].state),
    )


def newest_build(session: Session, made: Version) -> str | None:
    return session.scalar(
        select(Build.id)
        .where(Build.version_id == made.id)
        .order_by(Build.created_at.desc(), Build.id.desc())
        .limit(1)
    )


def build(job: Build, made: Version, found: Tool) -> BuildInfo:
    return BuildInfo(
        id=job.id,
        tool=found.name,
        tool_id=found.id,
        version=made.number,
        state=job.state,
        cancelling=_cancelling(job),
        reason=job.reason,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )


def preview(found: Preview) -> PreviewInfo:
    plan = Plan.model_validate(found.plan) if found.plan is not None else None
    return PreviewInfo(
        id=found.id,
        state=found.state,
        link=found.link,
        ref=found.ref,
        folder=found.folder,
        commit=found.commit,
        description=found.description,
        plan=plan,
        plan_text=written(plan) if plan else "",
        commands=plan.commands if plan else [],
        reason=found.reason,
        created_at=found.created_at,
        finished_at=found.finished_at,
    )


def runs(session: Session, found: Sequence[Run]) -> list[RunInfo]:
    """Without their outputs."""
    wanted = {one.version_id for one in found}
    rows = session.execute(
        select(Version.id, Version.number, Version.commit, Version.image, Tool.name)
        .join(Tool, Tool.id == Version.tool_id)
        .where(Version.id.in_(sorted(wanted)))
    ).all()
    facts = {row.id: row for row in rows}
    return [
        _run(one, of.name, of.number, of.commit, of.image)
        for one in found
        for of in (facts[one.version_id],)
    ]


def new_run(started: Run, of: Tool, made: Version) -> RunInfo:
    """A run that has just been accepted."""
    return _run(started, of.name, made.number, made.commit, made.image)


def _run(one: Run, tool: str, number: int, commit: str | None, image: str | None) -> RunInfo:
    return RunInfo(
        id=one.id,
        tool=tool,
        tool_id=one.tool_id,
        version=number,
        command=one.command,
        line=one.line,
        argv=one.argv,
        env={name: str(value) for name, value in one.env.items()},
        network=Network.model_validate(one.network) if one.network else None,
        state=one.state,
        cancelling=_cancelling(one),
        exit_code=one.exit_code,
        signal=one.signal,
        oom=one.oom,
        reason=one.reason,
        seconds=one.seconds,
        commit=commit,
        image=image,
        created_at=one.created_at,
        started_at=one.started_at,
        finished_at=one.finished_at,
    )


def run(session: Session, found: Run) -> RunInfo:
    """With outputs, streams and its place in the queue."""
    shown = runs(session, [found])[0]
    place = queue_position.place(session, found)
    if place is not None:
        shown.position, shown.expected_seconds = place.position, place.expected_seconds
    shown.outputs = [output(one) for one in outputs_of(session, found)]
    if found.manifest is not None:
        manifest = Manifest.model_validate(found.manifest)
        shown.skipped = manifest.skipped
        for name, kept in (("stdout", manifest.stdout), ("stderr", manifest.stderr)):
            shown.streams[name] = StreamInfo(size=kept.size, kept=kept.kept, sha256=kept.sha256)
    return shown


def outputs_of(session: Session, found: Run) -> Sequence[Output]:
    return session.scalars(select(Output).where(Output.run_id == found.id).order_by(Output.n)).all()


def output(one: Output) -> OutputInfo:
    return OutputInfo(n=one.n, path=one.path, size=one.size, sha256=one.sha256)


def file(one: File, runs: int = 0) -> FileInfo:
    return FileInfo(
        id=one.id,
        name=one.name,
        size=one.size,
        sha256=one.sha256,
        created_at=one.created_at,
        runs=runs,
    )


def _cancelling(job: Job) -> bool:
    return job.cancel_requested_at is not None and job.state not in TERMINAL
