"""A worker takes a queued job under a new lease and is told all it needs for it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.db import Transactions
from shared.images import ImageRegistry
from shared.objects import Objects
from shared.plan import Network, Plan
from shared.schema.accounts import Account
from shared.schema.runs import File, Run, RunInput
from shared.schema.tools import Build, Preview, Tool, Version
from shared.work import (
    SMALL_BYTES,
    BuildAssignment,
    ClaimRequest,
    InputFile,
    Kind,
    Limits,
    PreviewAssignment,
    RunAssignment,
    SourceCredential,
)
from web import commands, environment, images, jobs, leases, source_credentials
from web.attempt_tokens import AttemptTokens
from web.jobs import Job
from web.leases import LeaseTimes
from web.limits import PLANS, Plans, limits_of
from web.rebuild_version import snapshot_of
from web.seals import Seals

INPUT_URL_SECONDS = 3600
Assignment = RunAssignment | BuildAssignment | PreviewAssignment


@dataclass(frozen=True)
class Sources:
    """How a claim opens what an account stored for its Git hosts."""

    seals: Seals
    allowed_hosts: Collection[str] = ()

    def credential(self, session: Session, account_id: str, link: str) -> SourceCredential | None:
        return source_credentials.for_link(
            session, self.seals, account_id, link, self.allowed_hosts
        )


@dataclass(frozen=True)
class _Staged:
    name: str
    file: File

    def signed(self, objects: Objects) -> InputFile:
        url = objects.presign_get(self.file.key, seconds=INPUT_URL_SECONDS)
        return InputFile(name=self.name, size=self.file.size, sha256=self.file.sha256, url=url)


def claim(
    transactions: Transactions,
    objects: Objects,
    tokens: AttemptTokens,
    request: ClaimRequest,
    times: LeaseTimes,
    plans: Plans = PLANS,
    *,
    sources: Sources | None = None,
    registry: ImageRegistry | None = None,
) -> Assignment | None:
    """The job's assignment, or None: taken, ended, unknown, not yet due, or its account is at its limit."""
    token = tokens.issue(request.kind, request.id)
    with transactions.begin() as session:
        job = _take(session, request, token, times, plans)
        if isinstance(job, Preview):
            return _preview_assignment(session, job, token, times, sources)
        if isinstance(job, Build):
            build = _build_assignment(session, job, token, times, plans, objects, sources)
            if registry is not None:
                version = session.get_one(Version, job.version_id)
                build.repository = registry.repository(version.tool_id)
            return build
        if job is None:
            return None
        staged, stdin = _inputs(session, job)
        assignment = _run_assignment(session, job, token, times)
    assignment.inputs = [one.signed(objects) for one in staged]
    assignment.stdin = stdin.signed(objects) if stdin else None
    return assignment


def _take(
    session: Session, request: ClaimRequest, token: str, times: LeaseTimes, plans: Plans
) -> Job | None:
    job = jobs.find(session, request.kind, request.id)
    if job is None or job.state != "queued":
        return None
    account = jobs.lock_account(session, job.account_id)
    if not _has_place(session, request.kind, account, plans):
        jobs.put_away(session, job)
        return None
    if isinstance(job, Run) and not _is_startable(session, job):
        return None
    return leases.claim(session, request.kind, job.id, request.worker, token, times)


def _has_place(session: Session, kind: Kind, account: Account, plans: Plans) -> bool:
    table: Any = jobs.TABLES[kind]
    active = session.scalar(
        select(func.count())
        .select_from(table)
        .where(table.account_id == account.id, table.state.in_(sorted(jobs.ACTIVE[kind])))
    )
    limits = limits_of(account.plan, plans)
    most = {"run": limits.running, "build": limits.building, "preview": limits.previewing}
    return (active or 0) < most[kind]


def _is_startable(session: Session, run: Run) -> bool:
    """A version that was ready when the run was queued may be building again by now."""
    version = session.get_one(Version, run.version_id)
    if version.state == "ready":
        if version.identity is not None:
            images.touch(session, version.identity)
        return True
    if version.state == "pending":
        jobs.transition(session, "run", run.id, "waiting_build")
    else:
        jobs.transition(
            session, "run", run.id, "failed", reason=f"The build failed: {version.reason}"
        )
    return False


def _inputs(session: Session, run: Run) -> tuple[list[_Staged], _Staged | None]:
    rows = session.execute(
        select(RunInput.name, File)
        .join(File, File.id == RunInput.file_id)
        .where(RunInput.run_id == run.id)
        .order_by(RunInput.name)
    )
    staged = [_Staged(name, file) for name, file in rows]
    if run.stdin_file_id is None:
        return staged, None
    return staged, _Staged("stdin", session.get_one(File, run.stdin_file_id))


def _lease(job: Job, token: str, times: LeaseTimes) -> dict[str, Any]:
    return {
        "id": job.id,
        "fence": job.fence,
        "attempt": str(job.attempt),
        "token": token,
        "lease_seconds": times.lease_seconds,
        "heartbeat_seconds": times.heartbeat_seconds,
        "account": job.account_id,
    }


def _run_assignment(session: Session, run: Run, token: str, times: LeaseTimes) -> RunAssignment:
    version = session.get_one(Version, run.version_id)
    command = commands.choose(version, run.command)
    plan = Plan.model_validate(version.plan) if version.plan is not None else None
    return RunAssignment(
        **_lease(run, token, times),
        prefix=jobs.prefix(run),
        image=str(version.image),
        argv=[*command.run, *run.argv],
        start=plan.start if plan is not None else "empty",
        env=environment.of_run(plan, {name: str(value) for name, value in run.env.items()}),
        network=Network.model_validate(run.network),
        limits=Limits.model_validate(run.limits),
        report_bytes=SMALL_BYTES,
    )


def _preview_assignment(
    session: Session, preview: Preview, token: str, times: LeaseTimes, sources: Sources | None
) -> PreviewAssignment:
    credential = None
    if sources is not None:  # only its own account ever sees what comes of it
        credential = sources.credential(session, preview.account_id, preview.link)
    return PreviewAssignment(
        **_lease(preview, token, times),
        link=preview.link,
        ref=preview.ref,
        folder=preview.folder,
        runtime=preview.runtime,
        command=preview.command,
        overrides=preview.overrides,
        commit_only=preview.tool_id is not None,
        credential=credential,
    )


def _build_assignment(
    session: Session,
    build: Build,
    token: str,
    times: LeaseTimes,
    plans: Plans,
    objects: Objects,
    sources: Sources | None,
) -> BuildAssignment:
    version = session.get_one(Version, build.version_id)
    tool = session.get_one(Tool, version.tool_id)
    account = session.get_one(Account, build.account_id)
    credential = None
    if sources is not None and tool.private:
        # Of the owner, and for private tools only: what it opens is not published by a slip.
        credential = sources.credential(session, tool.account_id, version.link)
    return BuildAssignment(
        **_lease(build, token, times),
        link=version.link,
        ref=version.ref,
        folder=version.folder,
        runtime=version.runtime,
        command=version.command,
        network=Network.model_validate(version.network) if version.network is not None else None,
        overrides=version.overrides,
        snapshot=snapshot_of(version, objects) if build.from_snapshot else None,
        credential=credential,
        scope=tool.account_id if tool.private else "",
        limits=limits_of(account.plan, plans).build,
    )
