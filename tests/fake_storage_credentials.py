"""An issuer of storage credentials that remembers what it was told, and fails when asked to."""

import time
from collections.abc import Sequence
from datetime import datetime

from shared.storage_credentials import SECONDS, Issued, NotIssued


class FakeStorageCredentials:
    def __init__(self) -> None:
        self.told: list[list[str]] = []
        self.before: list[datetime | None] = []
        self.broken = False
        self.most = 300
        self.note = ""

    def issue(self, account_id: str, credential_id: str) -> Issued:
        if self.broken:
            raise NotIssued("AWS gives no credentials now: broken")
        return Issued(
            access_key_id=f"ASIA{credential_id}",
            secret_access_key=f"secret-of-{credential_id}",
            session_token="a/token=",
            expires_at=int(time.time() + SECONDS) * 1000,
            bucket="bucket",
            prefix=f"people/{account_id}/",
            region="eu-west-1",
            endpoint="",
            note=self.note,
        )

    def revoke(self, credential_ids: Sequence[str], before: datetime | None = None) -> None:
        if self.broken:
            raise NotIssued("AWS did not revoke it: broken")
        self.told.append(list(credential_ids))
        self.before.append(before)
