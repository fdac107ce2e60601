"""ECR's own limits, shown on its API with the very session that its tokens are asked for with."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from shared import image_permissions
from shared.ids import new_id
from shared.images import ImagesUnavailable
from shared.images_ecr import EcrImages
from tests.contracts.ecr import ACCOUNT, PLACES, Session, image_role


def ecr_as(credentials: dict[str, str]) -> Any:
    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    ).client("ecr")


def allowed(client: Any, method: str, repository: str) -> bool:
    """Whether the call gets past the policy; what it then says of layers is no matter."""
    arguments: dict[str, Any] = {"repositoryName": repository.partition("/")[2]}
    if method == "batch_get_image":
        arguments["imageIds"] = [{"imageTag": "v1"}]
    if method == "put_image":
        arguments |= {"imageManifest": "{}", "imageTag": "v1"}
    try:
        getattr(client, method)(**arguments)
    except ClientError as error:
        return "AccessDenied" not in error.response["Error"]["Code"]
    return True


def test_an_ecr_session_is_narrowed_to_one_repository(ecr: Session) -> None:
    mine, other = new_id("tool"), new_id("tool")
    ecr.push(other)
    ecr.push(mine)
    client = ecr_as(ecr.seen)
    for method in ("initiate_layer_upload", "put_image", "batch_get_image"):
        assert allowed(client, method, ecr.repository(mine)), method
        assert not allowed(client, method, ecr.repository(other)), method
    assert not allowed(client, "delete_repository", ecr.repository(mine))
    client.close()


def test_an_ecr_session_for_pulling_pushes_nothing(ecr: Session) -> None:
    tool = new_id("tool")
    ecr.push(tool)
    ecr.pull(ecr.repository(tool))
    client = ecr_as(ecr.seen)
    assert allowed(client, "batch_get_image", ecr.repository(tool))
    assert not allowed(client, "initiate_layer_upload", ecr.repository(tool))
    client.close()


def test_an_ecr_session_ends_by_its_own_policy(ecr: Session) -> None:
    """Tokens of ECR are told to last twelve hours: the time is in the session's policy, too."""
    tool = new_id("tool")
    ecr.push(tool)
    repository = ecr.repository(tool)
    arn = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{repository.partition('/')[2]}"
    sts = boto3.client("sts")
    answers = []
    for seconds in (-1, 60):
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        session = sts.assume_role(
            RoleArn=ecr._role,
            RoleSessionName="late",
            Policy=json.dumps(image_permissions.session(arn, push=True, until=until)),
        )["Credentials"]
        client = ecr_as(session)
        answers.append(allowed(client, "initiate_layer_upload", repository))
        client.close()
    sts.close()
    assert answers == [False, True]


def test_web_mints_with_its_documented_rights_and_no_others(
    ministack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = new_id("t").replace("_", "-")
    role = image_role(prefix)
    iam = boto3.client("iam")
    name = new_id("web")
    iam.create_user(UserName=name)
    iam.put_user_policy(
        UserName=name,
        PolicyName="only",
        PolicyDocument=json.dumps(image_permissions.minter(prefix, role, **PLACES)),
    )
    key = iam.create_access_key(UserName=name)["AccessKey"]
    iam.close()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])

    web = EcrImages(prefix, role)
    assert web.push(new_id("tool")).username == "AWS"
    assert web.repository("tool_1").startswith(
        f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/{prefix}/"
    )
    with pytest.raises(ImagesUnavailable, match="did not make the repository"):
        EcrImages(new_id("t").replace("_", "-"), role).push(new_id("tool"))
    with pytest.raises(ImagesUnavailable, match="did not give access"):
        other = f"arn:aws:iam::{ACCOUNT}:role/other"
        EcrImages(prefix, other).push(new_id("tool"))


def test_moto_agrees_on_the_calls(moto: str) -> None:
    role = image_role("toolyard")
    ecr = EcrImages("toolyard", role)
    tool = new_id("tool")
    for _ in range(2):
        EcrImages("toolyard", role).push(tool)
    access = ecr.pull(ecr.repository(tool))
    assert (access.username, access.repository) == ("AWS", ecr.repository(tool))
    client = boto3.client("ecr")
    assert len(client.describe_repositories()["repositories"]) == 1
    client.close()
