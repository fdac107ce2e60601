"""People's own credentials for their part of the object store: issued once, listed, revoked."""

import shlex

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from shared.db import Transactions
from shared.ids import new_id
from shared.schema.accounts import Account, StorageCredential
from shared.settings import Settings
from shared.storage_credentials import SECONDS, Issued, NotIssued, StorageCredentials
from web import jobs
from web.limits import Plans, limits_of
from web.refusals import Absent, Busy, Conflict, TooMany
from web.storage_denials import tell, unexpired

_OF_ADMINISTRATORS = 20


def allowance(account: Account, plans: Plans) -> int:
    """How many this account may make in half a day: what it stores with them is not counted."""
    by_plan = limits_of(account.plan, plans).storage_credentials
    return max(by_plan, _OF_ADMINISTRATORS if account.is_admin else 0)


def why_none(storage: StorageCredentials | None, settings: Settings, most: int) -> str:
    """The sentence that says why this person gets none; empty where they do."""
    if storage is not None:
        return "" if most else "Your plan has no storage credentials: ask the operator for them."
    if not settings.objects_url:
        return "This installation keeps its files in a folder of its own: there are no storage credentials to give."
    return "This installation gives no storage credentials: its operator has set no role for them (TOOLYARD_PEOPLE_ROLE)."


def required(
    storage: StorageCredentials | None, settings: Settings, most: int = 1
) -> StorageCredentials:
    """The issuer; refused with that sentence where there is none."""
    if storage is None or not most:
        raise Conflict(why_none(storage, settings, most), code="no_storage_credentials")
    return storage


def issue(
    transactions: Transactions, storage: StorageCredentials, account_id: str, most: int
) -> tuple[StorageCredential, Issued]:
    """New credentials and their row; nothing of the secret is kept."""
    credential_id = new_id("cred")
    with transactions.begin() as session:
        jobs.lock_account(session, account_id)
        mine = (StorageCredential.account_id == account_id, unexpired())
        ends = session.scalars(select(StorageCredential.expires_at).where(*mine)).all()
        now = jobs.clock(session)
        if len(ends) >= most:  # a revoked one counts: the issuer must go on denying it by name
            raise TooMany(
                f"You have made {most} storage credentials, revoked ones too, and may make the "
                "next when the first of them has expired.",
                code="storage_credentials",
                retry_after=max(1, (min(ends) - now) // 1000 + 1),
            )
        # Known before it exists: whatever happens next, it is listed and can be revoked.
        session.add(
            StorageCredential(
                id=credential_id,
                account_id=account_id,
                access_key_id="",
                created_at=now,
                expires_at=now + SECONDS * 1000,
            )
        )
    try:
        issued = storage.issue(account_id, credential_id)
    except NotIssued as error:
        with transactions.begin() as session:  # nobody was given the secret
            session.execute(delete(StorageCredential).where(StorageCredential.id == credential_id))
        raise Busy(f"{error} Try again in a minute.", retry_after=60) from error
    with transactions.begin() as session:
        row = session.get_one(StorageCredential, credential_id, with_for_update=True)
        if row.revoked_at is not None:
            raise Busy("These credentials were revoked while they were made: make others.")
        row.access_key_id = issued.access_key_id
        row.expires_at = issued.expires_at
    return row, issued


def of_account(session: Session, account_id: str) -> list[StorageCredential]:
    """Those that hold or may hold still, newest first."""
    newest = StorageCredential.created_at.desc()
    mine = (StorageCredential.account_id == account_id, StorageCredential.told_at.is_(None))
    chosen = select(StorageCredential).where(*mine, unexpired())
    return list(session.scalars(chosen.order_by(newest, StorageCredential.id)))


def revoke(
    transactions: Transactions, storage: StorageCredentials, account_id: str, credential_id: str
) -> None:
    """End it now; what the issuer has not taken is listed, and told to it until it has."""
    with transactions.begin() as session:
        row = session.get(StorageCredential, credential_id)
        if row is None or row.account_id != account_id:
            raise Absent("You have no such credentials.")
        if row.revoked_at is None:
            row.revoked_at = jobs.clock(session)
    try:
        tell(transactions, storage)
    except NotIssued as error:
        raise Busy(
            f"{error} They still hold, until AWS has taken it: it is told again and again.",
            retry_after=10,
        ) from error


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
