"""Written by web: who people are and how they prove it."""

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from shared.schema.base import Base


class Account(Base):
    __tablename__ = "account"
    id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    """Lower case."""
    password_hash: Mapped[str | None]
    is_admin: Mapped[bool] = mapped_column(default=False)
    plan: Mapped[str] = mapped_column(default="free")
    created_at: Mapped[int]
    disabled_at: Mapped[int | None]


class LoginSession(Base):
    __tablename__ = "login_session"
    digest: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[int]
    expires_at: Mapped[int]
    revoked_at: Mapped[int | None]
    user_agent: Mapped[str] = mapped_column(default="")


class ApiToken(Base):
    __tablename__ = "api_token"
    digest: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[str] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str]
    created_at: Mapped[int]
    expires_at: Mapped[int | None]
    revoked_at: Mapped[int | None]


class LoginAttempt(Base):
    """Failures counted per subject (`account:…` or `address:…`) for the sign-in limits."""

    __tablename__ = "login_attempt"
    id: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(index=True)
    at: Mapped[int] = mapped_column(index=True)


class StorageCredential(Base):
    """What was given to an account for its own part of the object store; the secret is kept nowhere."""

    __tablename__ = "storage_credential"
    id: Mapped[str] = mapped_column(primary_key=True)
    """Also the name of the session at AWS, by which it is revoked."""
    account_id: Mapped[str] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    access_key_id: Mapped[str]
    """Empty while the issuer is asked."""
    created_at: Mapped[int]
    expires_at: Mapped[int] = mapped_column(index=True)
    revoked_at: Mapped[int | None]
    told_at: Mapped[int | None]
    """When the issuer had taken the revocation; until then the credential may still hold."""
    ended_before: Mapped[int | None]
    """Where all that were issued before a moment had to be ended: that moment."""


class SubmitKey(Base):
    """An `Idempotency-Key` and what its first request made; kept 24 h."""

    __tablename__ = "submit_key"
    account_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_sha256: Mapped[str]
    status: Mapped[int]
    response: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[int] = mapped_column(index=True)
