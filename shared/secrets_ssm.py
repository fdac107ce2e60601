"""Secrets in the SSM Parameter Store: encrypted parameters `/PREFIX/name`."""

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.secret_store import SecretsUnavailable


def open_at(prefix: str) -> "SsmSecrets":
    """The store of the installation with this prefix; AWS's own variables say where."""
    return SsmSecrets(prefix)


class SsmSecrets:
    """`SecretStore`; needs `ssm:GetParameter`, and to make one `ssm:PutParameter`."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._client: Any = boto3.Session().client(
            "ssm",
            config=Config(
                connect_timeout=5,
                read_timeout=10,
                retries={"mode": "standard", "max_attempts": 4},
            ),
        )

    def find(self, name: str) -> str | None:
        try:
            found = self._client.get_parameter(Name=self._full(name), WithDecryption=True)
        except ClientError as error:
            if _code(error) == "ParameterNotFound":
                return None
            raise self._refused("read", name, error) from error
        except BotoCoreError as error:
            raise SecretsUnavailable(f"The Parameter Store does not answer: {error}") from error
        return str(found["Parameter"]["Value"]).strip()

    def add(self, name: str, value: str) -> str:
        try:
            self._client.put_parameter(
                Name=self._full(name), Value=value, Type="SecureString", Overwrite=False
            )
        except ClientError as error:
            if _code(error) != "ParameterAlreadyExists":
                raise self._refused("make", name, error) from error
        except BotoCoreError as error:
            raise SecretsUnavailable(f"The Parameter Store does not answer: {error}") from error
        standing = self.find(name)
        if not standing:
            raise SecretsUnavailable(
                f"The parameter {self._full(name)} vanished while it was made."
            )
        return standing

    def _full(self, name: str) -> str:
        return f"/{self._prefix}/{name}"

    def _refused(self, what: str, name: str, error: ClientError) -> SecretsUnavailable:
        action = "GetParameter" if what == "read" else "PutParameter"
        full, message = self._full(name), error.response["Error"].get("Message", "")
        if _code(error).startswith("AccessDenied"):
            return SecretsUnavailable(
                f"This process may not {what} the parameter {full}: "
                f"its role needs ssm:{action} on it."
            )
        return SecretsUnavailable(f"The Parameter Store did not {what} {full}: {message}")


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
