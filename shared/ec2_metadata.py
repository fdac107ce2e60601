"""What an EC2 instance is told about itself: version 2 of the metadata service, standard library only."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable

ENDPOINT = "http://169.254.169.254"
_TOKEN_SECONDS = 300
_EARLY_SECONDS = 30
_TIMEOUT = 5.0


class MetadataUnavailable(Exception):
    """The service does not answer, or refuses; the same question may be asked later."""


class Metadata:
    """Answers of one metadata service; keeps its session token until shortly before it expires."""

    def __init__(
        self, endpoint: str = ENDPOINT, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._clock = clock
        self._token = ""
        self._good_until = 0.0
        # The host's proxy variables do not lead to a link-local address.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, path: str) -> str | None:
        """The value at `latest/meta-data/<path>`; None where there is none."""
        try:
            return self._ask(path)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 404:
                return None
            self._token = ""  # refused: perhaps the service has begun anew
            raise MetadataUnavailable(f"{path}: HTTP {error.code}") from error
        except OSError as error:
            raise MetadataUnavailable(f"{path}: {error}") from error

    def _ask(self, path: str) -> str:
        if not self._token or self._clock() >= self._good_until:
            self._token = self._open(
                "PUT",
                "/latest/api/token",
                {"X-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_SECONDS)},
            )
            self._good_until = self._clock() + _TOKEN_SECONDS - _EARLY_SECONDS
        return self._open(
            "GET", f"/latest/meta-data/{path}", {"X-aws-ec2-metadata-token": self._token}
        )

    def _open(self, method: str, path: str, headers: dict[str, str]) -> str:
        asked = urllib.request.Request(self._endpoint + path, method=method, headers=headers)  # noqa: S310
        with self._opener.open(asked, timeout=_TIMEOUT) as answer:
            return str(answer.read().decode())
