"""Rows for tests: each function adds what it needs and gives the row, already flushed."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from shared.ids import new_id
from shared.plan import Command, Network, Plan
from shared.schema.accounts import Account
from shared.schema.runs import File, Run
from shared.schema.tools import Build, Image, Tool, Version
from shared.work import Limits
from web import jobs

IMAGE = "sha256:" + "1" * 64
COMMIT = "0123456789abcdef0123456789abcdef01234567"
COMMANDS = (
    Command(name="wc", run=["python", "-m", "wc"], evidence="console script"),
    Command(name="wc-lines", run=["wc-lines"], evidence="console script"),
)
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def _add(session: Session, row: Any) -> Any:
    session.add(row)
    session.flush()
    return row


def account(
    session: Session,
    email: str | None = None,
    *,
    admin: bool = False,
    plan: str = "free",
    disabled: bool = False,
) -> Account:
    """Somebody who has signed up (without a password)."""
    now = jobs.clock(session)
    found: Account = _add(
        session,
        Account(
            id=new_id("acc"),
            email=email or f"{new_id('mail')}@example.org",
            is_admin=admin,
            plan=plan,
            created_at=now,
            disabled_at=now if disabled else None,
        ),
    )
    return found


def plan(network: Network | None = None, commands: Sequence[Command] = COMMANDS) -> Plan:
    """What a builder found."""
    return Plan(
        runtime="python", base="python", commands=list(commands), network=network or Network()
    )


def tool(
    session: Session, owner: Account, name: str | None = None, *, private: bool = False
) -> Tool:
    """A tool without any version."""
    found: Tool = _add(
        session,
        Tool(
            id=new_id("tool"),
            account_id=owner.id,
            name=name or new_id("t").replace("_", "-"),
            private=private,
            created_at=jobs.clock(session),
        ),
    )
    return found


def version(
    session: Session,
    of: Tool,
    *,
    state: str = "ready",
    number: int = 1,
    commands: Sequence[Command] = COMMANDS,
    network: Network | None = None,
    image: str = IMAGE,
    reason: str = "",
) -> Version:
    """A version of a tool; a ready one has commit, image, plan and commands, and its image is registered."""
    now = jobs.clock(session)
    row = Version(
        id=new_id("ver"),
        tool_id=of.id,
        number=number,
        link="https://github.com/example/wc",
        state=state,
        reason=reason,
        network=network.model_dump(mode="json") if network else None,
        created_at=now,
    )
    if state == "ready":
        row.identity = new_id("idn")
        row.image, row.commit, row.ready_at = image, COMMIT, now
        row.plan = plan(network, commands).model_dump(mode="json")
        row.commands = [command.model_dump(mode="json") for command in commands]
        session.add(
            Image(identity=row.identity, image=image, size=1, built_at=now, last_used_at=now)
        )
    found: Version = _add(session, row)
    return found


def ready_tool(
    session: Session,
    owner: Account,
    name: str | None = None,
    *,
    private: bool = False,
    network: Network | None = None,
    image: str = IMAGE,
    commands: Sequence[Command] = COMMANDS,
) -> tuple[Tool, Version]:
    """A tool that can be run."""
    made = tool(session, owner, name, private=private)
    return made, version(session, made, network=network, image=image, commands=commands)


def file(session: Session, owner: Account, name: str = "in.txt", size: int = 0) -> File:
    """The row of an upload; its bytes are the caller's business."""
    file_id = new_id("file")
    found: File = _add(
        session,
        File(
            id=file_id,
            account_id=owner.id,
            name=name,
            size=size,
            sha256=EMPTY_SHA256,
            key=f"files/{file_id}",
            created_at=jobs.clock(session),
        ),
    )
    return found


def run(
    session: Session, by: Account, of: Version, *, state: str = "queued", argv: Sequence[str] = ()
) -> Run:
    """A run as it stands in the table; no message is sent."""
    now = jobs.clock(session)
    found: Run = _add(
        session,
        Run(
            id=new_id("run"),
            account_id=by.id,
            tool_id=of.tool_id,
            version_id=of.id,
            state=state,
            not_before=now,
            announced_at=now,
            created_at=now,
            finished_at=now if state in jobs.TERMINAL else None,
            command="wc",
            line=" ".join(argv),
            argv=list(argv),
            env={},
            network=Network().model_dump(mode="json"),
            limits=Limits().model_dump(mode="json"),
        ),
    )
    jobs.record(session, found, state)
    return found


def build(session: Session, of: Version, by: Account, *, state: str = "queued") -> Build:
    """A build as it stands in the table; no message is sent."""
    now = jobs.clock(session)
    found: Build = _add(
        session,
        Build(
            id=new_id("bld"),
            version_id=of.id,
            account_id=by.id,
            state=state,
            not_before=now,
            announced_at=now,
            created_at=now,
            finished_at=now if state in jobs.TERMINAL else None,
        ),
    )
    jobs.record(session, found, state)
    return found
