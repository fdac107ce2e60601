"""Images in Amazon ECR: a repository a tool, and tokens of a role session that is narrowed to one of them."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import SecretStr

from shared import image_permissions
from shared.images import ACCESS_SECONDS, ImagesUnavailable, component
from shared.work import ImageAccess

_CONFIG = Config(
    connect_timeout=5, read_timeout=15, retries={"mode": "standard", "max_attempts": 3}
)


class EcrImages:
    """`ImageRegistry` on ECR; AWS's own variables say where."""

    def __init__(self, prefix: str, role: str, *, host: str = "") -> None:
        """`role`: ARN of the image role; `host`: the registry's, where it is not the account's own (emulators)."""
        self._prefix = prefix
        self._role = role
        session = boto3.Session()
        self._ecr: Any = session.client("ecr", config=_CONFIG)
        self._sts: Any = session.client("sts", config=_CONFIG)
        self._region = str(self._ecr.meta.region_name)
        _, self._partition, _, _, self._account, *_ = role.split(":")
        ending = "amazonaws.com.cn" if self._partition == "aws-cn" else "amazonaws.com"
        self._host = host or f"{self._account}.dkr.ecr.{self._region}.{ending}"
        self._made: set[str] = set()

    def repository(self, tool_id: str) -> str:
        return f"{self._host}/{self._prefix}/{component(tool_id)}"

    def push(self, tool_id: str) -> ImageAccess:
        repository = self.repository(tool_id)
        self._make(_name(repository))
        return self._access(repository, push=True)

    def pull(self, repository: str) -> ImageAccess:
        if not repository.startswith(f"{self._host}/{self._prefix}/"):
            raise ImagesUnavailable(f"{repository} is not in this installation's registry.")
        return self._access(repository, push=False)

    def _make(self, name: str) -> None:
        if name in self._made:
            return
        try:
            self._ecr.create_repository(
                repositoryName=name, imageScanningConfiguration={"scanOnPush": True}
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "RepositoryAlreadyExistsException":
                raise _unavailable(f"make the repository {name}", error) from error
        except BotoCoreError as error:
            raise _unavailable(f"make the repository {name}", error) from error
        self._made.add(name)

    def _access(self, repository: str, *, push: bool) -> ImageAccess:
        name = _name(repository)
        until = datetime.now(UTC) + timedelta(seconds=ACCESS_SECONDS)
        arn = f"arn:{self._partition}:ecr:{self._region}:{self._account}:repository/{name}"
        policy = image_permissions.session(arn, push=push, until=until)
        try:
            assumed = self._sts.assume_role(
                RoleArn=self._role,
                RoleSessionName=f"{'push' if push else 'pull'}-{name.rpartition('/')[2]}"[:64],
                DurationSeconds=ACCESS_SECONDS,
                Policy=json.dumps(policy, separators=(",", ":")),
            )["Credentials"]
            token = self._token(assumed)
        except (ClientError, BotoCoreError) as error:
            raise _unavailable(f"give access to {name}", error) from error
        username, _, password = base64.b64decode(token).decode().partition(":")
        return ImageAccess(repository=repository, username=username, secret=SecretStr(password))

    def _token(self, credentials: dict[str, str]) -> str:
        """ECR's token of the narrowed session."""
        client: Any = boto3.Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        ).client("ecr", config=_CONFIG)
        try:
            found = client.get_authorization_token()
        finally:
            client.close()
        return str(found["authorizationData"][0]["authorizationToken"])


def _name(repository: str) -> str:
    return repository.partition("/")[2]


def _unavailable(what: str, error: Exception) -> ImagesUnavailable:
    return ImagesUnavailable(f"ECR did not {what}: {error}")
