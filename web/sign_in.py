"""Sign-up and sign-in: the same answer and the same time whether or not an account exists."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from shared.db import Transactions, now_ms
from shared.ids import new_id
from shared.schema.accounts import Account
from web import login_limits, passwords, sessions
from web.refusals import Invalid, Refused

WRONG = "E-mail address or password is wrong."
_LONGEST_EMAIL = 254


@dataclass(frozen=True)
class Caller:
    """Where an attempt comes from; `device` is a known device's mark or None."""

    address: str
    user_agent: str = ""
    device: str | None = None


class WrongPassword(Refused):
    status, code = 401, "wrong_password"


def normal_email(email: str) -> str:
    """Lower case and trimmed; refused unless it can be an address."""
    email = email.strip().lower()
    name, at, host = email.rpartition("@")
    if (
        not at
        or not name
        or "." not in host.strip(".")
        or len(email) > _LONGEST_EMAIL
        or any(c.isspace() or not c.isprintable() or c in "<>\"'(),;:\\" for c in email)
    ):
        raise Invalid("Give an e-mail address like name@example.org.", code="email")
    return email


def add_account(
    session: Session, *, email: str, password_hash: str | None, admin: bool = False
) -> str | None:
    """The new account's id, or None where the address is taken."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    account_id = new_id("acc")
    made = session.execute(
        insert(Account)
        .values(
            id=account_id,
            email=email,
            password_hash=password_hash,
            is_admin=admin,
            plan="free",
            created_at=now_ms(),
        )
        .on_conflict_do_nothing(index_elements=[Account.email])
        .returning(Account.id)
    ).first()
    return account_id if made else None


def sign_up(
    transactions: Transactions, email: str, password: str, caller: Caller, *, days: int
) -> str:
    """Make an account and sign in; with a known address it is a sign-in and nothing more."""
    email = normal_email(email)
    passwords.check(password, email)
    kept = passwords.hash_of(password)
    with transactions.begin() as session:
        add_account(session, email=email, password_hash=kept)
    return sign_in(transactions, email, password, caller, days=days)


def account_by_password(
    transactions: Transactions, email: str, password: str, caller: Caller
) -> Account:
    """Whose address and password these are, within the limits; `WrongPassword` says no more."""
    email = email.strip().lower()[:_LONGEST_EMAIL]
    counted = login_limits.subjects(email, caller.address, caller.device)
    with transactions.begin() as session:
        reserved = login_limits.reserve(session, counted)
        account = session.execute(
            select(Account).where(Account.email == email, Account.disabled_at.is_(None))
        ).scalar_one_or_none()
    if not passwords.matches(account.password_hash if account else None, password):
        raise WrongPassword(WRONG)
    assert account is not None
    with transactions.begin() as session:
        login_limits.forgive(session, reserved)
    return account


def sign_in(
    transactions: Transactions, email: str, password: str, caller: Caller, *, days: int
) -> str:
    """The secret of a new session."""
    account = account_by_password(transactions, email, password, caller)
    with transactions.begin() as session:
        return sessions.open_session(session, account, days=days, user_agent=caller.user_agent)
