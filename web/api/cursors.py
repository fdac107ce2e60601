"""Lists page by page, newest first: a cursor is the last item's place, opaque to callers."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import Select, and_, or_
from sqlalchemy.orm import Session

from web.refusals import Invalid
from web.schemas import Page

Row = TypeVar("Row")


def encode(created_at: int, row_id: str) -> str:
    """The place of an item."""
    return base64.urlsafe_b64encode(f"{created_at}:{row_id}".encode()).decode().rstrip("=")


def decode(cursor: str) -> tuple[int, str]:
    """Raises `Invalid` for what `encode` did not make."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        created_at, _, row_id = text.partition(":")
        if not row_id or "\0" in row_id:
            raise ValueError
        number = int(created_at)
    except (ValueError, binascii.Error) as error:
        raise Invalid("This cursor is none of ours: begin the list again without one.") from error
    if abs(number) >= 1 << 62:
        raise Invalid("This cursor is none of ours: begin the list again without one.")
    return number, row_id


def page(
    session: Session, query: Select[Row], table: Any, wanted: Page
) -> tuple[Sequence[Row], str | None]:
    """The rows after the cursor, and the cursor after them."""
    if wanted.cursor is not None:
        created_at, row_id = decode(wanted.cursor)
        query = query.where(
            or_(
                table.created_at < created_at,
                and_(table.created_at == created_at, table.id < row_id),
            )
        )
    query = query.order_by(table.created_at.desc(), table.id.desc()).limit(wanted.limit + 1)
    rows = session.scalars(query).all()
    if len(rows) <= wanted.limit:
        return rows, None
    last: Any = rows[wanted.limit - 1]
    return rows[: wanted.limit], encode(last.created_at, last.id)
