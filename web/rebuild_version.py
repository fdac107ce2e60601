"""A version is built again from the source that it was first built from, whatever became of upstream."""

from sqlalchemy.orm import Session

from shared.objects import Objects
from shared.schema.accounts import Account
from shared.schema.tools import Build, Tool, Version
from shared.work import InputFile, Provenance, SourceSnapshot
from web.limits import PLANS, Plans
from web.owners import check_owner
from web.refusals import Conflict
from web.request_build import request_build

URL_SECONDS = 3600


def rebuild_from_snapshot(
    session: Session, account: Account, tool: Tool, version: Version, plans: Plans = PLANS
) -> Build:
    """A build of the kept source, on today's base images; raises `Conflict` where none was kept."""
    check_owner(account, tool)
    if not has_snapshot(version):
        raise Conflict(
            f"Version {version.number} has no source of its own: it was never cloned whole. "
            "Build it again from its link.",
            code="no_snapshot",
        )
    build = request_build(session, account, version, plans)
    build.from_snapshot = True
    session.flush()
    return build


def has_snapshot(version: Version) -> bool:
    """Whether the version can be built without its Git host."""
    return version.source_key is not None and version.commit is not None


def snapshot_of(version: Version, objects: Objects) -> SourceSnapshot | None:
    """What a builder is given for a build from the snapshot; None where it is not there any more."""
    if version.source_key is None or version.commit is None:
        return None
    found = objects.stat(version.source_key)
    if found is None:
        return None
    made = Provenance.model_validate(version.provenance) if version.provenance else None
    file = InputFile(
        name="source.tar.zst",
        size=found.size,
        sha256=found.sha256,
        url=objects.presign_get(version.source_key, seconds=URL_SECONDS),
    )
    return SourceSnapshot(file=file, commit=version.commit, version=made.version if made else "")
