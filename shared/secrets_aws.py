"""What AWS's two stores of secrets have in common: asked the same way, refused in the same sentences."""

from abc import ABC, abstractmethod
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.secret_store import SecretsUnavailable


class AwsSecrets(ABC):
    """`SecretStore`; AWS's own variables say where."""

    service: str
    """AWS's name of it, which its rights begin with."""
    reads: str
    """The call that reads, and the right that it needs."""
    makes: str
    missing: str
    """What AWS answers where there is none."""
    exists: str

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        session: Any = boto3.Session()
        self._client = session.client(
            self.service,
            config=Config(
                connect_timeout=5, read_timeout=10, retries={"mode": "standard", "max_attempts": 4}
            ),
        )

    def find(self, name: str) -> str | None:
        try:
            return self._read(self._full(name)).strip()
        except ClientError as error:
            if _code(error) == self.missing:
                return None
            raise self._refused(self.reads, name, error) from error
        except BotoCoreError as error:
            raise SecretsUnavailable(f"AWS ({self.service}) does not answer: {error}") from error

    def add(self, name: str, value: str) -> str:
        try:
            self._make(self._full(name), value)
        except ClientError as error:
            if _code(error) != self.exists:
                raise self._refused(self.makes, name, error) from error
        except BotoCoreError as error:
            raise SecretsUnavailable(f"AWS ({self.service}) does not answer: {error}") from error
        standing = self.find(name)
        if not standing:
            raise SecretsUnavailable(
                f"The secret {self._full(name)} exists without a value: delete it, or give it one."
            )
        return standing

    @abstractmethod
    def _full(self, name: str) -> str:
        """What AWS calls it."""

    @abstractmethod
    def _read(self, full: str) -> str: ...

    @abstractmethod
    def _make(self, full: str, value: str) -> None:
        """Only where there is none of this name."""

    def _refused(self, call: str, name: str, error: ClientError) -> SecretsUnavailable:
        what, full = "read" if call == self.reads else "make", self._full(name)
        if _code(error).startswith("AccessDenied"):
            return SecretsUnavailable(
                f"This process may not {what} the secret {full}: "
                f"its role needs {self.service}:{call} on it."
            )
        told = error.response["Error"].get("Message", "")
        return SecretsUnavailable(f"AWS ({self.service}) did not {what} {full}: {told}")


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
