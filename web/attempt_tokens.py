"""Tokens of one attempt at one job: random, and recognisable as ours after the job has moved on."""

import hashlib
import hmac

from shared.ids import new_secret
from shared.work import Kind


class AttemptTokens:
    """Issues tokens and tells a stale one (the worker must stop) from one that never existed."""

    def __init__(self, key: str) -> None:
        self._key = hashlib.sha256(b"attempt-token:" + key.encode()).digest()

    def issue(self, kind: Kind, id: str) -> str:
        """A new token for an attempt at this job."""
        secret = new_secret("tya")
        return f"{secret}.{self._mark(kind, id, secret)}"

    def is_ours(self, token: str, kind: Kind, id: str) -> bool:
        """Whether this token was ever issued for this job."""
        secret, _, mark = token.rpartition(".")
        return hmac.compare_digest(mark.encode(), self._mark(kind, id, secret).encode())

    def _mark(self, kind: Kind, id: str, secret: str) -> str:
        text = f"{kind}\n{id}\n{secret}".encode()
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()[:32]
