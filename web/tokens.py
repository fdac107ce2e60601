"""API tokens: shown once, kept as digests, expiring, revocable at once."""

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import Session

from shared.db import now_ms
from shared.ids import digest, new_id, new_secret
from shared.schema.accounts import Account, ApiToken

_DAY = 86_400_000
MAX_DAYS = 3650


def issue(
    session: Session, account_id: str, *, name: str, days: int | None
) -> tuple[ApiToken, str]:
    """A new token and its secret; `days` None never expires."""
    secret = new_secret("ty")
    now = session.execute(select(now_ms())).scalar_one()
    token = ApiToken(
        digest=digest(secret),
        id=new_id("tok"),
        account_id=account_id,
        name=name,
        created_at=now,
        expires_at=None if days is None else now + days * _DAY,
    )
    session.add(token)
    return token, secret


_OWNER = (  # asked with each request: put together once
    select(Account)
    .join(ApiToken, ApiToken.account_id == Account.id)
    .where(
        ApiToken.digest == bindparam("digest"),
        ApiToken.revoked_at.is_(None),
        or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now_ms()),
        Account.disabled_at.is_(None),
    )
)


def account_of(session: Session, secret: str) -> Account | None:
    """Whose token this is, unless it has expired or was revoked."""
    return session.execute(_OWNER, {"digest": digest(secret)}).scalar_one_or_none()


def of_account(session: Session, account_id: str) -> list[ApiToken]:
    """The account's tokens that are not revoked, newest first."""
    return list(
        session.execute(
            select(ApiToken)
            .where(ApiToken.account_id == account_id, ApiToken.revoked_at.is_(None))
            .order_by(ApiToken.created_at.desc(), ApiToken.id)
        ).scalars()
    )


def revoke(session: Session, account_id: str, token_id: str) -> bool:
    """End this token now; False where the account has no such token."""
    found = session.execute(
        update(ApiToken)
        .where(
            ApiToken.id == token_id,
            ApiToken.account_id == account_id,
            ApiToken.revoked_at.is_(None),
        )
        .values(revoked_at=now_ms())
        .returning(ApiToken.id)
        .execution_options(synchronize_session=False)
    ).first()
    return found is not None
