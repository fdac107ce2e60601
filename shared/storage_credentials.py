"""The port for a person's own credentials: half a day of access to their part of the object store, revocable."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

SECONDS = 12 * 3600
KEPT_DAYS = 30
"""What people put there themselves goes after so long."""


@dataclass(frozen=True)
class Issued:
    """What a person is given, once; the secret is kept nowhere."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: int
    """Milliseconds since 1970 UTC, as the issuer says: it may be earlier than was asked for."""
    bucket: str
    prefix: str
    """All that they may read, write and list: keys that begin so."""
    region: str
    endpoint: str
    """Empty: AWS's own."""
    note: str = ""
    """Why they last less than half a day, where they do."""


class NotIssued(Exception):
    """The issuer refused or does not answer; the text says what to do."""


class StorageCredentials(Protocol):
    @property
    def most(self) -> int:
        """How many can be ended by name."""
        ...

    def issue(self, account_id: str, credential_id: str) -> Issued:
        """New credentials for `people/<account id>/`; raises `NotIssued`."""
        ...

    def revoke(self, credential_ids: Sequence[str], before: datetime | None = None) -> None:
        """End exactly these, and all that were issued before a moment; raises `NotIssued`."""
        ...
