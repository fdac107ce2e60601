"""A tool is changed: its source makes a new version with a build, all else changes at once (DESIGN 3.13)."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.plan import Network
from shared.schema.accounts import Account
from shared.schema.tools import Build, Tool, Version
from web import jobs, texts, tool_names
from web.add_tool import MAX_DESCRIPTION, Added, Source, check_source, new_version, source_of
from web.limits import PLANS, Plans
from web.owners import check_owner
from web.refusals import Conflict
from web.request_build import request_build


class Unchanged:
    """Marks a field that the edit leaves as it is; `None` and empty are values."""


UNCHANGED = Unchanged()


@dataclass(frozen=True)
class ToolChanges:
    """The fields to change."""

    name: str | Unchanged = UNCHANGED
    description: str | Unchanged = UNCHANGED
    private: bool | Unchanged = UNCHANGED
    network: Network | Unchanged | None = UNCHANGED
    link: str | Unchanged = UNCHANGED
    ref: str | Unchanged | None = UNCHANGED
    folder: str | Unchanged = UNCHANGED
    runtime: str | Unchanged | None = UNCHANGED
    command: str | Unchanged | None = UNCHANGED
    overrides: str | Unchanged = UNCHANGED


def edit_tool(
    session: Session,
    account: Account,
    tool: Tool,
    changes: ToolChanges,
    *,
    allowed_hosts: Collection[str] = (),
    plans: Plans = PLANS,
) -> Added | None:
    """The new version and its build where the source has changed, else None."""
    check_owner(account, tool)
    jobs.lock_account(session, tool.account_id)
    versions = _versions(session, tool)
    if not isinstance(changes.name, Unchanged) and changes.name.strip() != tool.name:
        tool.name = tool_names.claim(session, tool.account_id, changes.name)
    if not isinstance(changes.description, Unchanged):
        tool.description = texts.kept(changes.description.strip(), MAX_DESCRIPTION)
    if not isinstance(changes.private, Unchanged):
        tool.private = changes.private
    if not isinstance(changes.network, Unchanged):
        # The network is the tool's, not a version's: a narrowed one must hold for old versions too.
        for version in versions:
            version.network = changes.network.model_dump(mode="json") if changes.network else None
    session.flush()

    newest = versions[-1]
    before = source_of(newest)
    after, _ = check_source(_changed(before, changes), allowed_hosts)
    if after == before:
        return None
    network = Network.model_validate(newest.network) if newest.network is not None else None
    version = new_version(session, tool, newest.number + 1, after, network)
    return Added(tool, version, request_build(session, account, version, plans))


def build_again(
    session: Session, account: Account, tool: Tool, version: Version, plans: Plans = PLANS
) -> Build:
    """A new build of a version whose last one failed, or the one that is under way."""
    check_owner(account, tool)
    if version.state == "ready":
        raise Conflict(
            f"Version {version.number} is ready; there is nothing to build. "
            "Change the link or ref to get a new version.",
            code="ready",
        )
    return request_build(session, account, version, plans)


def delete_tool(session: Session, account: Account, tool: Tool) -> None:
    """The tool is listed and run no more; runs and results stay with those who own them."""
    check_owner(account, tool)
    tool.deleted_at = jobs.clock(session)
    tool.name = f"{tool.name} (deleted {tool.id})"  # its name is free again


def _versions(session: Session, tool: Tool) -> list[Version]:
    return list(
        session.scalars(select(Version).where(Version.tool_id == tool.id).order_by(Version.number))
    )


def _changed(source: Source, changes: ToolChanges) -> Source:
    link = source.link if isinstance(changes.link, Unchanged) else changes.link
    # A new link may carry its own ref and folder; those of the old one do not belong to it.
    moved = not isinstance(changes.link, Unchanged) and changes.link.strip() != source.link
    ref, folder = (None, "") if moved else (source.ref, source.folder)
    return Source(
        link,
        ref if isinstance(changes.ref, Unchanged) else changes.ref,
        folder if isinstance(changes.folder, Unchanged) else changes.folder,
        source.runtime if isinstance(changes.runtime, Unchanged) else changes.runtime,
        source.command if isinstance(changes.command, Unchanged) else changes.command,
        source.overrides if isinstance(changes.overrides, Unchanged) else changes.overrides,
    )
