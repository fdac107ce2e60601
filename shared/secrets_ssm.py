"""Secrets in the SSM Parameter Store: encrypted parameters `/PREFIX/name`."""

from shared.secrets_aws import AwsSecrets


def open_at(prefix: str) -> "SsmSecrets":
    """The store of the installation with this prefix."""
    return SsmSecrets(prefix)


class SsmSecrets(AwsSecrets):
    """`SecretStore`; needs `ssm:GetParameter`, and to make one `ssm:PutParameter`."""

    service = "ssm"
    reads, makes = "GetParameter", "PutParameter"
    missing, exists = "ParameterNotFound", "ParameterAlreadyExists"

    def _full(self, name: str) -> str:
        return f"/{self._prefix}/{name}"

    def _read(self, full: str) -> str:
        return str(self._client.get_parameter(Name=full, WithDecryption=True)["Parameter"]["Value"])

    def _make(self, full: str, value: str) -> None:
        self._client.put_parameter(Name=full, Value=value, Type="SecureString", Overwrite=False)
