"""The end of a run or build: committed once, by the holder of the fence, with all that follows from it."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from shared.schema.runs import Output, Run
from shared.schema.tools import Build, Tool, Version
from shared.work import BuildReport, KeptStream, Manifest, RunReport
from web import images, jobs, leases, live_logs, texts, tool_forms, waiting_runs
from web.jobs import Job
from web.leases import Hold
from web.refusals import Invalid

MAX_README = 500_000


@dataclass(frozen=True)
class Finished:
    """The ended job, or None when this very report had been committed before; objects to delete now."""

    job: Job | None
    dropped: list[str]
    woken: tuple[str, ...] = ()
    """Ids of runs that went on or ended with a build."""
    has_live_log: bool = True
    """Whether live chunks are still needed."""
    urgent: bool = True
    """Whether a worker waits for what was announced; else the relay may gather it."""


def finish_run(session: Session, held: Hold, report: RunReport) -> Finished:
    """The run's terminal state with outputs and event; raises `LeaseLost`."""
    job = leases.hold_unless_finished(session, held)
    if job is None:
        return Finished(None, [])
    for past in report.untold:
        jobs.record(session, job, past.phase, ago_ms=int(past.ago * 1000))
    run = jobs.transition(
        session,
        "run",
        held.id,
        report.state,
        *held.where(),
        result_fence=held.fence,
        exit_code=report.exit_code,
        signal=report.signal,
        oom=report.oom,
        seconds=report.seconds,
        reason=texts.kept(report.reason, 2000),
        manifest=report.manifest.model_dump(mode="json") if report.manifest else None,
        manifest_key=report.manifest_key,
    )
    if run is None:
        raise leases.LeaseLost(held.id)
    for n, output in enumerate(report.manifest.outputs if report.manifest else []):
        session.add(Output(run_id=run.id, n=n, **output.model_dump()))
    announced = jobs.announce_next(session, "run", run.account_id)
    whole = _is_whole(report.manifest)
    dropped = live_logs.drop(session, run.id) if whole else []
    return Finished(run, dropped, has_live_log=not whole, urgent=announced > 0)


def _is_whole(manifest: Manifest | None) -> bool:
    """Whether both whole logs are objects, so that the live chunks are not needed any more."""

    def kept(stream: KeptStream) -> bool:
        return stream.key is not None or stream.size == 0

    return manifest is not None and kept(manifest.stdout) and kept(manifest.stderr)


def check_build_report(report: BuildReport, prefix: str) -> None:
    """Refuse a success that no run could start from, and objects that are not this attempt's own.

    Who sees the tool may download them, and they go with it: any other key would be somebody else's.
    """
    for key in (report.source_key, report.sbom_key):
        if key is not None and not key.startswith(prefix):
            raise Invalid(f"The object {key} does not belong to this attempt.", code="foreign_key")
    if report.state == "succeeded" and not (
        report.image and report.identity and report.commit and report.commands and report.plan
    ):
        raise Invalid("A successful build names image, identity, commit, plan and commands.")


def finish_build(session: Session, held: Hold, report: BuildReport) -> Finished:
    """The build's terminal state; its version is ready or failed, waiting runs follow; raises `LeaseLost`."""
    if leases.hold_unless_finished(session, held) is None:
        return Finished(None, [])
    build = jobs.transition(
        session,
        "build",
        held.id,
        report.state,
        *held.where(),
        result_fence=held.fence,
        reason=texts.kept(report.reason, 2000),
    )
    if not isinstance(build, Build):
        raise leases.LeaseLost(held.id)
    version = session.get_one(Version, build.version_id)
    if report.state == "succeeded" or not _has_image(session, version):
        _note_findings(version, report)
    if report.state == "succeeded":
        _make_ready(session, version, report)
        followers = waiting_runs.go_on(session, version)
    else:
        followers = close_build(session, build)
    jobs.announce_next(session, "build", build.account_id)
    return Finished(build, [], tuple(run.id for run in followers))


def close_build(session: Session, build: Build) -> list[Run]:
    """A build that ended without an image: the version is failed, its waiting runs too."""
    version = session.get_one(Version, build.version_id)
    version.reason = build.reason or _DEFAULT_REASONS[build.state]
    if _has_image(session, version):  # a rebuild in vain takes nothing away
        version.state = "ready"
        return waiting_runs.go_on(session, version)
    version.state = "failed"
    session.flush()
    return waiting_runs.fail(session, version, version.reason)


def _has_image(session: Session, version: Version) -> bool:
    return version.image is not None and not images.is_collected(session, version)


_DEFAULT_REASONS = {
    "failed": "The builder gave no reason; the log may tell.",
    "timed_out": "It took too long.",
    "cancelled": "It was cancelled.",
    "lost": "Its worker was lost.",
}


def _note_findings(version: Version, report: BuildReport) -> None:
    """What was found is worth showing even where no image came of it."""
    version.plans_tried = [tried.model_dump(mode="json") for tried in report.plans_tried]
    if report.plan is not None:
        version.plan = report.plan.model_dump(mode="json")
    version.commit = report.commit or version.commit
    version.readme = texts.kept(report.readme, MAX_README) or version.readme
    version.licence = texts.one_line(report.licence, 200) or version.licence
    version.source_key = report.source_key or version.source_key
    version.forms = tool_forms.readable(report.forms) or version.forms
    version.sbom_key = report.sbom_key or version.sbom_key
    if report.provenance is not None:
        version.provenance = report.provenance.model_dump(mode="json")
    if report.commands:
        version.commands = [command.model_dump(mode="json") for command in report.commands]


def _make_ready(session: Session, version: Version, report: BuildReport) -> None:
    identity, image = str(report.identity), str(report.image)
    images.register(session, identity, image, report.image_bytes)
    version.identity, version.image = identity, image
    version.state, version.reason = "ready", ""
    version.ready_at = jobs.clock(session)
    tool = session.get_one(Tool, version.tool_id)
    if not tool.description:
        tool.description = texts.one_line(report.description, 500)
    session.flush()
