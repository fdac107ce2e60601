"""A tool is added from a Git link; only the link is required."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy.orm import Session

from shared import git_link, toolyard_yaml
from shared.ids import new_id
from shared.plan import Network
from shared.schema.accounts import Account
from shared.schema.tools import Build, Tool, Version
from web import jobs, texts, tool_names
from web.limits import PLANS, Plans
from web.refusals import Invalid
from web.request_build import request_build

MAX_DESCRIPTION = 2000


@dataclass(frozen=True)
class Source:
    """What a version is built from."""

    link: str
    ref: str | None = None
    folder: str = ""
    runtime: str | None = None
    command: str | None = None
    overrides: str = ""
    """`toolyard.yaml` text instead of the repository's own."""


@dataclass(frozen=True)
class NewTool:
    """What the form or API gives."""

    source: Source
    name: str | None = None
    description: str = ""
    private: bool = False
    network: Network | None = None


@dataclass(frozen=True)
class Added:
    """The rows that adding a tool or version makes."""

    tool: Tool
    version: Version
    build: Build


def check_source(source: Source, allowed_hosts: Collection[str] = ()) -> tuple[Source, str]:
    """The cleaned source and the repository's own name; raises `Invalid` with the link's sentence.

    A ref or folder given by hand wins over one in the link.
    """
    try:
        link = git_link.parse(source.link, allowed_hosts)
        ref = git_link.check_ref(source.ref) if (source.ref or "").strip() and source.ref else None
        folder = git_link.check_folder(source.folder)
    except git_link.BadLink as error:
        raise Invalid(str(error), code="link") from error
    runtime = texts.one_line(source.runtime or "", 40).lower() or None
    command = texts.one_line(source.command or "", 200) or None
    overrides = check_overrides(source.overrides)
    cleaned = Source(link.url, ref or link.ref, folder or link.folder, runtime, command, overrides)
    return cleaned, link.name


def check_overrides(text: str) -> str:
    """The text with plain line ends; raises `Invalid` with every fault's line in the details."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    if not text.strip():
        return ""
    try:
        toolyard_yaml.read(text)
    except toolyard_yaml.BadToolyardYaml as error:
        faults = [
            {"line": one.line, "column": one.column, "message": one.sentence}
            for one in error.faults
        ]
        raise Invalid(str(error), code="plan", details={"faults": faults}) from error
    return text + "\n"


def add_tool(
    session: Session,
    account: Account,
    wanted: NewTool,
    *,
    allowed_hosts: Collection[str] = (),
    plans: Plans = PLANS,
) -> Added:
    """The new tool with its first version and build."""
    source, repository = check_source(wanted.source, allowed_hosts)
    jobs.lock_account(session, account.id)
    if wanted.name and wanted.name.strip():
        name = tool_names.claim(session, account.id, wanted.name)
    else:
        name = tool_names.free(session, account.id, tool_names.from_link(repository))
    tool = Tool(
        id=new_id("tool"),
        account_id=account.id,
        name=name,
        description=texts.kept(wanted.description.strip(), MAX_DESCRIPTION),
        private=wanted.private,
        created_at=jobs.clock(session),
    )
    session.add(tool)
    session.flush()
    version = new_version(session, tool, 1, source, wanted.network)
    return Added(tool, version, request_build(session, account, version, plans))


def new_version(
    session: Session, tool: Tool, number: int, source: Source, network: Network | None
) -> Version:
    """A pending version; its build is asked for by the caller."""
    version = Version(
        id=new_id("ver"),
        tool_id=tool.id,
        number=number,
        link=source.link,
        ref=source.ref,
        folder=source.folder,
        runtime=source.runtime,
        command=source.command,
        overrides=source.overrides,
        network=network.model_dump(mode="json") if network else None,
        state="pending",
        created_at=jobs.clock(session),
    )
    session.add(version)
    session.flush()
    return version


def source_of(version: Version) -> Source:
    """What this version is built from."""
    return Source(
        version.link,
        version.ref,
        version.folder,
        version.runtime,
        version.command,
        version.overrides,
    )


def next_version(session: Session, tool: Tool, newest: Version) -> Version:
    """A pending version of the same source as the newest one: what its branch or tag holds now."""
    network = Network.model_validate(newest.network) if newest.network is not None else None
    return new_version(session, tool, newest.number + 1, source_of(newest), network)
