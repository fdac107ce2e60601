"""Argon2id passwords: which are accepted, how they are kept, how they are checked."""

from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from web.common_passwords import COMMON
from web.refusals import Invalid

SHORTEST, LONGEST = 8, 256

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_slots = BoundedSemaphore(4)  # each hash takes 19 MiB: sign-ins must not fill the memory
_nobody = "$argon2id$v=19$m=19456,t=2,p=1$14aOxqUbxhrvdrnUAOCtxg$"
_nobody += "rA7ky39v9mFKFczD0sW8CSOL6HJcsAXVOoyJxAjLp1s"
# the hash of a random password that nobody knows


def check(password: str, email: str) -> None:
    """Refuse what is too short, too long or guessed first."""
    if len(password) < SHORTEST:
        raise Invalid(f"Choose a password of at least {SHORTEST} characters.", code="password")
    if len(password) > LONGEST:
        raise Invalid(f"Choose a password of at most {LONGEST} characters.", code="password")
    plain = password.casefold()
    if plain in COMMON or len(set(plain)) == 1 or plain == email.casefold():
        raise Invalid(
            "This password is among the first that are guessed: choose another.", code="password"
        )


def hash_of(password: str) -> str:
    """The text to keep instead of the password."""
    with _slots:
        return _hasher.hash(password)


def matches(kept: str | None, password: str) -> bool:
    """Whether the password is right; takes as long where there is no account (`kept` is None)."""
    if len(password) > LONGEST:
        password = ""  # nobody's password; hashing megabytes would be a gift to attackers
    with _slots:
        try:
            _hasher.verify(kept or _nobody, password)
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None
