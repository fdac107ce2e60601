"""How many wrong passwords are listened to: per account and per address, never shutting out a known device."""

from dataclasses import dataclass

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from shared.db import now_ms
from shared.ids import digest, new_id
from shared.schema.accounts import LoginAttempt
from web.client_address import household
from web.refusals import TooMany

_MINUTE = 60_000
_KEPT = 60 * _MINUTE


@dataclass(frozen=True)
class Limit:
    """At most `failures` of one subject within `window` milliseconds."""

    failures: int
    window: int


ADDRESS = Limit(40, 15 * _MINUTE)
ACCOUNT = Limit(30, 60 * _MINUTE)
"""Of strangers' devices together, so that one account hears at most this many guesses an hour."""
DEVICE = Limit(10, 15 * _MINUTE)
"""Of a device that has signed in to the account before: strangers cannot use up its share."""


def subjects(email: str, address: str, device: str | None) -> dict[str, Limit]:
    """What this attempt is counted under."""
    if device is not None:
        return {f"device:{digest(device)}": DEVICE}
    return {f"account:{digest(email)}": ACCOUNT, f"address:{household(address)}": ADDRESS}


def retry_after(ages: list[int], limit: Limit) -> float | None:
    """Seconds until another attempt is heard, or None: now; `ages` are the failures' ages."""
    recent = sorted(age for age in ages if age < limit.window)
    if len(recent) < limit.failures:
        return None
    return (limit.window - recent[limit.failures - 1]) / 1000


def reserve(session: Session, counted: dict[str, Limit]) -> list[str]:
    """Count an attempt before the password is looked at, or refuse it; `forgive` takes it back.

    Counting first closes the race in which parallel guesses all see room.
    """
    if session.get_bind().dialect.name == "postgresql":
        for subject in sorted(counted):
            session.execute(
                text("SELECT pg_advisory_xact_lock(hashtext(:subject))"), {"subject": subject}
            )
    now = session.execute(select(now_ms())).scalar_one()
    session.execute(delete(LoginAttempt).where(LoginAttempt.at < now - _KEPT))
    reserved = []
    for subject, limit in counted.items():
        times = session.execute(
            select(LoginAttempt.at).where(LoginAttempt.subject == subject)
        ).scalars()
        wait = retry_after([now - at for at in times], limit)
        if wait is not None:
            minutes = max(1, round(wait / 60))
            raise TooMany(
                f"Too many wrong passwords. Try again in {minutes} min.",
                code="sign_in_limit",
                retry_after=wait,
            )
        reserved.append(new_id("att"))
        session.add(LoginAttempt(id=reserved[-1], subject=subject, at=now))
    return reserved


def forgive(session: Session, reserved: list[str]) -> None:
    """The attempt was right: it does not count."""
    session.execute(delete(LoginAttempt).where(LoginAttempt.id.in_(reserved)))
