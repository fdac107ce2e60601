"""Secrets in AWS Secrets Manager: `PREFIX/name` each; what RDS manages is named in full (`rds!…` or an ARN)."""

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.secret_store import SecretsUnavailable

_FULL_NAMES = ("arn:", "rds!")
_MISSING = "ResourceNotFoundException"
_EXISTS = "ResourceExistsException"


def open_at(prefix: str) -> "SecretsManagerSecrets":
    """The store of the installation with this prefix; AWS's own variables say where."""
    return SecretsManagerSecrets(prefix)


class SecretsManagerSecrets:
    """`SecretStore`; needs `secretsmanager:GetSecretValue`, and to make one `CreateSecret` and `PutSecretValue`."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._client: Any = boto3.Session().client(
            "secretsmanager",
            config=Config(
                connect_timeout=5,
                read_timeout=10,
                retries={"mode": "standard", "max_attempts": 4},
            ),
        )

    def find(self, name: str) -> str | None:
        try:
            found = self._client.get_secret_value(SecretId=self._full(name))
        except ClientError as error:
            if _code(error) == _MISSING:
                return None
            raise self._refused("read", name, error) from error
        except BotoCoreError as error:
            raise SecretsUnavailable(f"Secrets Manager does not answer: {error}") from error
        return str(found.get("SecretString", "")).strip()

    def add(self, name: str, value: str) -> str:
        try:
            self._client.create_secret(Name=self._full(name), SecretString=value)
        except ClientError as error:
            if _code(error) != _EXISTS:
                raise self._refused("make", name, error) from error
        except BotoCoreError as error:
            raise SecretsUnavailable(f"Secrets Manager does not answer: {error}") from error
        standing = self.find(name)
        if not standing:
            raise SecretsUnavailable(
                f"The secret {self._full(name)} exists without a value: delete it, or give it one."
            )
        return standing

    def _full(self, name: str) -> str:
        return name if name.startswith(_FULL_NAMES) else f"{self._prefix}/{name}"

    def _refused(self, what: str, name: str, error: ClientError) -> SecretsUnavailable:
        action = "GetSecretValue" if what == "read" else "CreateSecret"
        full, message = self._full(name), error.response["Error"].get("Message", "")
        if _code(error).startswith("AccessDenied"):
            return SecretsUnavailable(
                f"This process may not {what} the secret {full}: "
                f"its role needs secretsmanager:{action} on it."
            )
        return SecretsUnavailable(f"Secrets Manager did not {what} {full}: {message}")


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
