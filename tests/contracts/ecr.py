"""An installation's images in ECR, as MiniStack emulates it."""

import json

import boto3

from shared import image_permissions
from shared.ids import new_id
from shared.images_ecr import EcrImages

ACCOUNT = "000000000000"


PLACES = {"region": "us-east-1", "account": ACCOUNT}


class Session(EcrImages):
    """Remembers the credentials of the narrowed session."""

    seen: dict[str, str]

    def _token(self, credentials: dict[str, str]) -> str:
        self.seen = credentials
        return super()._token(credentials)


def image_role(prefix: str) -> str:
    iam = boto3.client("iam")
    name = new_id("role")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(
        RoleName=name,
        PolicyName="images",
        PolicyDocument=json.dumps(image_permissions.role(prefix, **PLACES)),
    )
    iam.close()
    return str(arn)
