"""Since when the API has been answering without a break: only then do silent workers count as gone (DESIGN 3.2)."""

import ssl
from collections.abc import Callable

import httpx

Probe = Callable[[], bool]


def probe_of(url: str, seconds: float = 3.0) -> Probe:
    """A probe of web's readiness, which includes its database."""
    context = ssl.create_default_context()  # loads every certificate: once, not at each probe

    def answers() -> bool:
        try:
            return (
                httpx.get(
                    f"{url}/readyz", timeout=seconds, trust_env=False, verify=context
                ).status_code
                == 200
            )
        except httpx.HTTPError:
            return False

    return answers


class Answering:
    """Remembers the probes' answers; times are the database's, so that a suspended machine is seen."""

    def __init__(self, probe: Probe, longest_gap_seconds: float) -> None:
        self._probe = probe
        self._longest_gap_ms = int(longest_gap_seconds * 1000)
        self.since: int | None = None
        self._last: int | None = None

    def ask(self, now: int) -> None:
        """Probe once; a failed or long missing probe begins the count anew."""
        if not self._probe():
            self.forget()
            return
        if self.since is None or self._last is None or now - self._last > self._longest_gap_ms:
            self.since = now
        self._last = now

    def forget(self) -> None:
        """Something did not answer: whoever was silent may have been unable to speak."""
        self.since = self._last = None

    def lasted(self, now: int, lease_ms: int) -> bool:
        """Whether every living worker has had a whole lease time to renew its lease."""
        return self.since is not None and now - self.since >= lease_ms
