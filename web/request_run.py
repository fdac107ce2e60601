"""A run is asked for: checked, then row and outbox row in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.ids import new_id
from shared.plan import Network
from shared.schema.accounts import Account
from shared.schema.runs import File, Run, RunInput
from shared.schema.tools import Tool, Version
from shared.work import Limits
from web import access, arguments, commands, environment, images, inputs, jobs, networks, run_states
from web.limits import PLANS, PlanLimits, Plans, limits_of
from web.refusals import Absent, Conflict, Forbidden, Gone, Invalid, TooMany
from web.request_build import rebuild


@dataclass(frozen=True)
class InputChoice:
    """An uploaded file; `name` is what it is called in the working folder, by default its own."""

    file_id: str
    name: str | None = None


@dataclass(frozen=True)
class RunRequest:
    """What a person or program asks for; everything may be left out."""

    line: str = ""
    """A command line or JSON, see `web.arguments`."""
    argv: Sequence[str] | None = None
    """Used instead of `line` by programs that have a list already."""
    command: str | None = None
    inputs: Sequence[InputChoice] = ()
    stdin_file_id: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: int | None = None
    network: Network | None = None


def request_run(
    session: Session,
    account: Account,
    tool: Tool,
    version: Version,
    wanted: RunRequest,
    plans: Plans = PLANS,
) -> Run:
    """The new run, queued or waiting for its version's build; raises a refusal."""
    if not access.may_see_tool(account, tool):
        raise Absent("There is no such tool.")
    if not access.may_run_tool(account, tool):
        raise Forbidden("This account may not run tools.")
    plan = limits_of(account.plan, plans)
    line, argv = _arguments(wanted)
    env = environment.check(wanted.env)
    limits = plan.run.model_copy(update={"wall_seconds": _timeout(wanted, plan)})

    jobs.lock_account(session, account.id)  # from here on no file is deleted
    files, stdin = _files(session, account, wanted, plan)
    _check_room(session, account, plan)
    state = _state(session, account, tool, _locked(session, version))
    if state == "queued":
        command = commands.choose(version, wanted.command).name
        network = networks.narrowed(wanted.network, networks.network_of(version)).model_dump(
            mode="json"
        )
    else:  # decided when the build has told what there is
        command = wanted.command or ""
        network = wanted.network.model_dump(mode="json") if wanted.network else {}

    now = jobs.clock(session)
    run = Run(
        id=new_id("run"),
        account_id=account.id,
        tool_id=tool.id,
        version_id=version.id,
        state=state,
        not_before=now,
        created_at=now,
        announced_at=now if state == "queued" else 0,
        command=command,
        line=line,
        argv=argv,
        env=dict(env),
        network=network,
        limits=limits.model_dump(mode="json"),
        stdin_file_id=stdin.id if stdin else None,
    )
    session.add(run)
    session.flush()
    for name, file in files.items():
        session.add(RunInput(run_id=run.id, name=name, file_id=file.id))
    jobs.record(session, run, state)
    if state == "queued":
        jobs.announce_at(session, run, now)
    return run


def _arguments(wanted: RunRequest) -> tuple[str, list[str]]:
    try:
        if wanted.argv is not None:
            argv = arguments.check(wanted.argv)
            return arguments.join(argv), argv
        return wanted.line, arguments.parse(wanted.line)
    except arguments.BadArguments as error:
        raise Invalid(str(error), code="arguments") from error


def _timeout(wanted: RunRequest, plan: PlanLimits) -> int:
    most = plan.run.wall_seconds
    if wanted.timeout_seconds is None:
        return min(most, Limits().wall_seconds)
    if not 1 <= wanted.timeout_seconds <= most:
        raise Invalid(f"The timeout must lie between 1 and {most} seconds on your plan.")
    return wanted.timeout_seconds


def _files(
    session: Session, account: Account, wanted: RunRequest, plan: PlanLimits
) -> tuple[dict[str, File], File | None]:
    ids = [choice.file_id for choice in wanted.inputs]
    if wanted.stdin_file_id:
        ids.append(wanted.stdin_file_id)
    if not ids:
        return {}, None
    found = {
        file.id: file for file in session.scalars(select(File).where(File.id.in_(sorted(set(ids)))))
    }
    for file_id in ids:
        if file_id not in found or not access.may_use_file(account, found[file_id]):
            raise Absent(f"You have no file {file_id[:80]}; upload it first.")
        if found[file_id].deleted_at is not None:
            raise Gone(
                f"You have deleted {found[file_id].name[:80]}. Add it again, or run without it.",
                code="file_deleted",
            )
    names = [choice.name or found[choice.file_id].name for choice in wanted.inputs]
    inputs.check_names(names)
    stdin = found[wanted.stdin_file_id] if wanted.stdin_file_id else None
    inputs.check_size(sum(found[file_id].size for file_id in ids), plan.input_bytes)
    files = {name: found[choice.file_id] for name, choice in zip(names, wanted.inputs, strict=True)}
    return files, stdin


def _check_room(session: Session, account: Account, plan: PlanLimits) -> None:
    waiting = session.scalar(
        select(func.count())
        .select_from(Run)
        .where(Run.account_id == account.id, Run.state.in_(sorted(run_states.WAITING)))
    )
    if (waiting or 0) >= plan.queued:
        raise TooMany(
            f"You have {waiting} runs waiting; at most {plan.queued} are possible. "
            "Try again when some have finished.",
            retry_after=30,
        )


def _locked(session: Session, version: Version) -> Version:
    """Held, so that a build's end and this request cannot pass one another unseen."""
    return session.scalars(
        select(Version).where(Version.id == version.id).with_for_update(key_share=True),
        execution_options={"populate_existing": True},
    ).one()


def _state(session: Session, account: Account, tool: Tool, version: Version) -> str:
    if version.state == "failed":
        raise Conflict(
            f"Version {version.number} of {tool.name} is not ready, its build failed: "
            f"{version.reason or 'no reason was given.'} Choose another version, or build it again.",
            code="not_ready",
        )
    if version.state == "pending" and not access.may_edit_tool(account, tool):
        raise Conflict(
            f"Version {version.number} of {tool.name} is being built. Try again when it is ready.",
            code="not_ready",
        )
    if version.state == "ready" and images.is_collected(session, version):
        rebuild(session, tool, version)
    return "queued" if version.state == "ready" else "waiting_build"
