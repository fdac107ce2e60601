"""People's own credentials for their part of the object store: issued once, listed, revoked."""

import shlex

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from shared.db import Transactions, now_ms
from shared.ids import new_id
from shared.schema.accounts import StorageCredential
from shared.settings import Settings
from shared.storage_credentials import Issued, NotIssued, StorageCredentials
from web import jobs
from web.refusals import Absent, Busy, Conflict, TooMany

AT_ONCE = 20
"""Of one account."""
_AGAIN = 3


def why_none(storage: StorageCredentials | None, settings: Settings) -> str:
    """The sentence that says why this installation gives none; empty where it does."""
    if storage is not None:
        return ""
    if not settings.objects_url:
        return "This installation keeps its files in a folder of its own: there are no storage credentials to give."
    return "This installation gives no storage credentials: its operator has set no role for them (TOOLYARD_PEOPLE_ROLE)."


def required(storage: StorageCredentials | None, settings: Settings) -> StorageCredentials:
    """The issuer; refused with that sentence where there is none."""
    if storage is None:
        raise Conflict(why_none(storage, settings), code="no_storage_credentials")
    return storage


def issue(
    transactions: Transactions, storage: StorageCredentials, account_id: str
) -> tuple[StorageCredential, Issued]:
    """New credentials and their row; nothing of the secret is kept."""
    with transactions.begin() as session:
        jobs.lock_account(session, account_id)
        mine = select(func.count()).select_from(StorageCredential).where(*_active(account_id))
        if (session.scalar(mine) or 0) >= AT_ONCE:
            raise TooMany(
                f"You have {AT_ONCE} storage credentials. Revoke one that you do not need.",
                retry_after=60,
            )
    credential_id = new_id("cred")
    try:
        issued = storage.issue(account_id, credential_id)
    except NotIssued as error:
        raise Busy(f"{error} Try again in a minute.", retry_after=60) from error
    with transactions.begin() as session:
        row = StorageCredential(
            id=credential_id,
            account_id=account_id,
            access_key_id=issued.access_key_id,
            created_at=jobs.clock(session),
            expires_at=issued.expires_at,
            revoked_at=None,
        )
        session.add(row)
    return row, issued


def of_account(session: Session, account_id: str) -> list[StorageCredential]:
    """Those that hold now, newest first."""
    newest = StorageCredential.created_at.desc()
    chosen = select(StorageCredential).where(*_active(account_id))
    return list(session.scalars(chosen.order_by(newest, StorageCredential.id)))


def revoke(
    transactions: Transactions, storage: StorageCredentials, account_id: str, credential_id: str
) -> None:
    """End it now; safe to repeat until AWS has taken it."""
    with transactions.begin() as session:
        row = session.get(StorageCredential, credential_id)
        if row is None or row.account_id != account_id:
            raise Absent("You have no such credentials.")
        if row.revoked_at is None:
            row.revoked_at = jobs.clock(session)
    try:
        tell(transactions, storage)
    except NotIssued as error:
        with transactions.begin() as session:  # it is shown again, to be revoked again
            session.get_one(StorageCredential, credential_id).revoked_at = None
        raise Busy(f"{error} They still hold: try again.", retry_after=10) from error


def tell(transactions: Transactions, storage: StorageCredentials) -> None:
    """Give the issuer all that are revoked; again while others are being revoked at the same time."""
    told: list[str] | None = None
    for _ in range(_AGAIN):
        with transactions.read() as session:
            listed = _revoked(session)
        if listed == told:
            return
        if not storage.revoke(listed):
            with transactions.begin() as session:  # all that were issued have ended
                everyone = update(StorageCredential).where(StorageCredential.revoked_at.is_(None))
                session.execute(everyone.values(revoked_at=jobs.clock(session)))
            return
        told = listed


def _revoked(session: Session) -> list[str]:
    ended = (StorageCredential.revoked_at.is_not(None), StorageCredential.expires_at > now_ms())
    return list(session.scalars(select(StorageCredential.id).where(*ended).order_by("id")))


def _active(account_id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        StorageCredential.account_id == account_id,
        StorageCredential.revoked_at.is_(None),
        StorageCredential.expires_at > now_ms(),
    )


def as_shell(issued: Issued) -> str:
    """Lines for a shell, as AWS's own programs read them."""
    facts = {
        "AWS_ACCESS_KEY_ID": issued.access_key_id,
        "AWS_SECRET_ACCESS_KEY": issued.secret_access_key,
        "AWS_SESSION_TOKEN": issued.session_token,
        "AWS_DEFAULT_REGION": issued.region,
        "AWS_ENDPOINT_URL": issued.endpoint,
    }
    return "\n".join(
        f"export {name}={shlex.quote(value)}" for name, value in facts.items() if value
    )
