"""Signed-in browsers as rows: only a digest is kept, every row can be revoked, each sign-in makes a new one."""

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from shared.db import now_ms
from shared.ids import digest, new_secret
from shared.schema.accounts import Account, LoginSession

_DAY = 86_400_000


def open_session(session: Session, account: Account, *, days: int, user_agent: str = "") -> str:
    """A new session of this account; the returned secret goes into the cookie and nowhere else."""
    secret = new_secret("tys")
    now = session.execute(select(now_ms())).scalar_one()
    session.add(
        LoginSession(
            digest=digest(secret),
            account_id=account.id,
            created_at=now,
            expires_at=now + days * _DAY,
            user_agent=user_agent[:200],
        )
    )
    return secret


_OWNER = (  # asked with each request: put together once
    select(Account)
    .join(LoginSession, LoginSession.account_id == Account.id)
    .where(
        LoginSession.digest == bindparam("digest"),
        LoginSession.revoked_at.is_(None),
        LoginSession.expires_at > now_ms(),
        Account.disabled_at.is_(None),
    )
)


def account_of(session: Session, secret: str) -> Account | None:
    """Who is signed in with this secret, unless it has expired or was revoked."""
    return session.execute(_OWNER, {"digest": digest(secret)}).scalar_one_or_none()


def revoke(session: Session, secret: str) -> None:
    """This session ends now."""
    _revoke(session, LoginSession.digest == digest(secret))


def revoke_all(session: Session, account_id: str) -> None:
    """Every session of the account ends now."""
    _revoke(session, LoginSession.account_id == account_id)


def _revoke(session: Session, which: object) -> None:
    session.execute(
        update(LoginSession)
        .where(which, LoginSession.revoked_at.is_(None))  # type: ignore[arg-type]
        .values(revoked_at=now_ms())
        .execution_options(synchronize_session=False)
    )
