"""What tools may be called."""

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.schema.tools import Tool
from web.refusals import Conflict, Invalid

MAX_LENGTH = 64
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check(name: str) -> str:
    """The trimmed name, or `Invalid`; people type names in shells and addresses."""
    name = name.strip()
    if not _NAME.fullmatch(name):
        raise Invalid(
            "A tool's name has up to 64 letters, digits, dots, dashes and underscores, "
            "and begins with a letter or digit."
        )
    return name


def from_link(last_part: str) -> str:
    """A name made from the repository's own."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", last_part).strip("._-")[:MAX_LENGTH]
    return name if _NAME.fullmatch(name) else "tool"


def free(session: Session, account_id: str, name: str) -> str:
    """The name itself, or with the first number that makes it unique in the account."""
    taken = set(session.scalars(select(Tool.name).where(Tool.account_id == account_id)))
    if name not in taken:
        return name
    numbered = (f"{name[: MAX_LENGTH - 6]}-{n}" for n in range(2, len(taken) + 3))
    return next(candidate for candidate in numbered if candidate not in taken)


def claim(session: Session, account_id: str, name: str) -> str:
    """The checked name, or `Conflict` where another tool of the account has it."""
    name = check(name)
    found = session.scalar(select(Tool.id).where(Tool.account_id == account_id, Tool.name == name))
    if found is not None:
        raise Conflict(
            f"You have a tool called {name} already. Choose another name.", code="name_taken"
        )
    return name
