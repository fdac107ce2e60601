"""An account's stored files: what each is used by, and their end.

A run keeps the rows of its inputs, which say what went in; a deleted file loses its bytes only.
"""

from collections.abc import Sequence

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from shared.db import Transactions
from shared.objects import Objects
from shared.schema.accounts import Account
from shared.schema.runs import File, Run, RunInput
from web import access, jobs, room, run_states
from web.refusals import Absent, Conflict


def of_account(account: Account) -> Select[File]:
    """Those that it keeps, in no order."""
    return select(File).where(*room.kept(account.id))


def own(session: Session, account: Account, file_id: str) -> File:
    """The account's file; refused where it has no such one, or has it no more."""
    file = session.get(File, file_id)
    if file is None or not access.may_use_file(account, file) or file.deleted_at is not None:
        raise Absent("You have no such file.")
    return file


def uses(session: Session, files: Sequence[File]) -> dict[str, int]:
    """How many runs took each, by its id."""
    ids = [file.id for file in files]
    taken = (
        select(RunInput.file_id, RunInput.run_id)
        .where(RunInput.file_id.in_(ids))
        .union(select(Run.stdin_file_id, Run.id).where(Run.stdin_file_id.in_(ids)))
        .subquery()
    )
    counted = select(taken.c.file_id, func.count()).group_by(taken.c.file_id)
    return {file_id: count for file_id, count in session.execute(counted)}


def delete(transactions: Transactions, objects: Objects, account: Account, file_id: str) -> None:
    """Take its bytes away, once no run needs them any more."""
    with transactions.begin() as session:
        key = mark(session, account, file_id)
    if key.startswith("files/"):  # others are outputs of a run
        objects.delete(key)  # the sweeper does where this does not happen


def mark(session: Session, account: Account, file_id: str) -> str:
    """Note that it is deleted, unless a run needs it; the key of its bytes."""
    jobs.lock_account(session, account.id)  # no run of it begins meanwhile
    file = own(session, account, file_id)
    waiting = _unfinished(session, file)
    if waiting is not None:
        raise Conflict(
            f"{file.name[:80]} is still needed: the run {waiting} has not ended. "
            "Cancel it or wait for its end, then delete the file.",
            code="in_use",
            details={"run": waiting},
        )
    file.deleted_at = jobs.clock(session)
    return file.key


def _unfinished(session: Session, file: File) -> str | None:
    taken = select(RunInput.run_id).where(RunInput.file_id == file.id)
    return session.scalars(
        select(Run.id)
        .where(
            or_(Run.id.in_(taken), Run.stdin_file_id == file.id),
            Run.state.not_in(sorted(run_states.TERMINAL)),
        )
        .limit(1)
    ).first()
