"""What has a time of its own and then goes: tokens that have ended, the sources of deleted tools."""

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from shared.db import now_ms
from shared.schema.accounts import ApiToken
from shared.schema.tools import Tool, Version

_DAY = 24 * 3_600_000
TOKEN_DAYS = 90
"""An ended token is still listed with its name and end for so long."""
DELETED_TOOL_DAYS = 30
"""Until then an operator can undo a deletion."""
_AT_ONCE = 500


def ended_tokens(session: Session) -> None:
    """API tokens long after their end."""
    old = now_ms() - TOKEN_DAYS * _DAY
    session.execute(
        delete(ApiToken)
        .where(or_(ApiToken.expires_at < old, ApiToken.revoked_at < old))
        .execution_options(synchronize_session=False)
    )


def sources_of_deleted_tools(session: Session) -> list[str]:
    """Forget the snapshots and bills of versions that nobody can run or build; keys to delete."""
    gone = session.scalars(
        select(Version)
        .join(Tool, Tool.id == Version.tool_id)
        .where(
            Tool.deleted_at < now_ms() - DELETED_TOOL_DAYS * _DAY,
            or_(Version.source_key.is_not(None), Version.sbom_key.is_not(None)),
        )
        .limit(_AT_ONCE)
        .with_for_update(of=Version)
    ).all()
    named = {key for version in gone for key in (version.source_key, version.sbom_key) if key}
    for version in gone:
        version.source_key = version.sbom_key = None
    session.flush()
    still = {
        key
        for column in (Version.source_key, Version.sbom_key)
        for key in session.scalars(select(column).where(column.in_(named)))
        if key
    }
    return sorted(named - still)
