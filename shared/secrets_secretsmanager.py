"""Secrets in AWS Secrets Manager: `PREFIX/name` each; what RDS manages is named in full (`rds!…` or an ARN)."""

from shared.secrets_aws import AwsSecrets

_FULL_NAMES = ("arn:", "rds!")


def open_at(prefix: str) -> "SecretsManagerSecrets":
    """The store of the installation with this prefix."""
    return SecretsManagerSecrets(prefix)


class SecretsManagerSecrets(AwsSecrets):
    """`SecretStore`; needs `secretsmanager:GetSecretValue`, and to make one `CreateSecret`."""

    service = "secretsmanager"
    reads, makes = "GetSecretValue", "CreateSecret"
    missing, exists = "ResourceNotFoundException", "ResourceExistsException"

    def _full(self, name: str) -> str:
        return name if name.startswith(_FULL_NAMES) else f"{self._prefix}/{name}"

    def _read(self, full: str) -> str:
        return str(self._client.get_secret_value(SecretId=full).get("SecretString", ""))

    def _make(self, full: str, value: str) -> None:
        self._client.create_secret(Name=full, SecretString=value)
