"""A person's credentials from STS: the people's role, narrowed by a session policy to one prefix.

What AWS can do, and what we make of it:

- `AssumeRole` with a session policy gives the intersection of the role's rights (`people/*`) and
  the session's (`people/<account>/*`). A role's `MaxSessionDuration` may be 12 hours, but a caller
  that is itself a role (web on EC2) may only ask for one hour ("role chaining"). With
  `TOOLYARD_PEOPLE_PROFILE` naming long-term keys that may do nothing but assume this role, it is
  12 hours; else we take the hour that we get, and tell the true end.
- An issued session cannot be deleted. It is ended by an explicit Deny in the role's own inline
  policy, which every request meets: by `aws:userid`, which ends in the session's name, that is our
  credential's id, so that one credential is ended and no other. An inline policy has room for a few
  hundred names; beyond that, `aws:TokenIssueTime` denies all that were issued before a moment.
- Expired ones leave the list. IAM is eventually consistent: a revocation takes effect within seconds.
"""

import contextlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.storage_credentials import SECONDS, Issued, NotIssued

POLICY_NAME = "toolyard-revoked"
MOST_NAMES = 300
_CHAINED_SECONDS = 3600
ONE_HOUR = (
    "They last an hour: AWS gives no more where this platform itself runs under a role. "
    "Its operator can have it give half a day by setting TOOLYARD_PEOPLE_PROFILE."
)
_OBJECTS = (
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
)


class StsCredentials:
    """Credentials of sessions of `role`, an ARN; `profile` names the keys that assume it."""

    most = MOST_NAMES

    def __init__(self, role: str, bucket: str, prefix: str = "", profile: str = "") -> None:
        self._role = role
        self._bucket = bucket
        self._people = f"{prefix}/people" if prefix else "people"
        config = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard"})
        asking = boto3.Session(profile_name=profile or None)
        self._sts = asking.client("sts", config=config)
        self._iam = boto3.Session().client("iam", config=config)

    def issue(self, account_id: str, credential_id: str) -> Issued:
        """New credentials for the account's prefix; raises `NotIssued`."""
        prefix = f"{self._people}/{account_id}/"
        wanted = {
            "RoleArn": self._role,
            "RoleSessionName": credential_id,
            "Policy": json.dumps(permissions(self._bucket, prefix), separators=(",", ":")),
        }
        try:
            answer, note = self._assume(wanted)
        except (ClientError, BotoCoreError) as error:
            raise NotIssued(f"AWS gives no credentials now: {_told(error)}") from error
        given = answer["Credentials"]
        return Issued(
            access_key_id=given["AccessKeyId"],
            secret_access_key=given["SecretAccessKey"],
            session_token=given["SessionToken"],
            expires_at=int(given["Expiration"].timestamp() * 1000),
            bucket=self._bucket,
            prefix=prefix,
            region=self._sts.meta.region_name,
            endpoint=""
            if ".amazonaws.com" in self._sts.meta.endpoint_url
            else self._sts.meta.endpoint_url,
            note=note,
        )

    def _assume(self, wanted: dict[str, str]) -> tuple[Any, str]:
        try:
            return self._sts.assume_role(**wanted, DurationSeconds=SECONDS), ""
        except ClientError as error:
            chained = "chaining" in str(error) or "MaxSessionDuration" in str(error)
            if error.response.get("Error", {}).get("Code") != "ValidationError" or not chained:
                raise
        return self._sts.assume_role(**wanted, DurationSeconds=_CHAINED_SECONDS), ONE_HOUR

    def revoke(self, credential_ids: Sequence[str], before: datetime | None = None) -> None:
        """End exactly these, and all that were issued before a moment."""
        role = self._role.rpartition("/")[2]
        denied = [by_name(credential_ids)] if credential_ids else []
        denied += [until(before)] if before else []
        try:
            if denied:
                document = {"Version": "2012-10-17", "Statement": denied}
                self._iam.put_role_policy(
                    RoleName=role,
                    PolicyName=POLICY_NAME,
                    PolicyDocument=json.dumps(document, separators=(",", ":")),
                )
            else:
                self._iam.delete_role_policy(RoleName=role, PolicyName=POLICY_NAME)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "NoSuchEntity" or denied:
                raise NotIssued(f"AWS did not revoke it: {_told(error)}") from error
        except BotoCoreError as error:
            raise NotIssued(f"AWS did not revoke it: {_told(error)}") from error


def permissions(bucket: str, prefix: str) -> dict[str, object]:
    """To read, write and list what begins with `prefix`; the role itself has it for `people/`."""
    arn = f"arn:aws:s3:::{bucket}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": list(_OBJECTS), "Resource": f"{arn}/{prefix}*"},
            {
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": arn,
                "Condition": {"StringLike": {"s3:prefix": f"{prefix}*"}},
            },
        ],
    }


def by_name(credential_ids: Sequence[str]) -> dict[str, object]:
    """Deny everything to the sessions of these names."""
    names = [f"*:{one}" for one in credential_ids]
    return _denied({"StringLike": {"aws:userid": names}})


def until(moment: datetime) -> dict[str, object]:
    """Deny everything to all sessions that were issued before."""
    issued = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return _denied({"DateLessThan": {"aws:TokenIssueTime": issued}})


def _denied(condition: dict[str, object]) -> dict[str, object]:
    return {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}


def provision(role: str, bucket: str, prefix: str = "", trusted: str = "") -> None:
    """Make the people's role where no stack made it; `trusted` is who may assume it, an ARN."""
    session = boto3.Session()
    iam, sts = session.client("iam"), session.client("sts")
    try:
        trusted = trusted or sts.get_caller_identity()["Arn"]
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": trusted}, "Action": "sts:AssumeRole"}
            ],
        }
        name = role.rpartition("/")[2]
        with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_role(
                RoleName=name,
                AssumeRolePolicyDocument=json.dumps(trust),
                MaxSessionDuration=SECONDS,
            )
        people = f"{prefix}/people/" if prefix else "people/"
        allowed = json.dumps(permissions(bucket, people))
        iam.put_role_policy(RoleName=name, PolicyName="people", PolicyDocument=allowed)
    finally:
        iam.close()
        sts.close()


def _told(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Message") or error)
    return type(error).__name__
