"""An emulated AWS with all its services and policies enforced, and an installation deployed to it."""

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3

from cli.aws import deploy
from cli.aws.account import Account
from cli.servers import free_port
from tests import emulators
from tests.platform import ROOT

REGION = "us-east-1"
NUMBER = "000000000000"
ROOT_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
IMAGE = "/toolyard/test-image"
_CERTIFICATE = f"arn:aws:acm:{REGION}:{NUMBER}:certificate/12345678-1234-1234-1234-123456789012"


def started(folder: Path) -> AbstractContextManager[str]:
    """The address of an emulated AWS of its own."""
    return emulators.ministack(
        folder,
        IOT_MTLS_ENABLED="0",
        # Databases and functions are records here, never containers of this host.
        DOCKER_HOST="unix:///nonexistent",
        AWS_DEFAULT_REGION=REGION,
        **ROOT_CREDENTIALS,
    )


def session(**credentials: str) -> boto3.Session:
    """A session of nobody's environment; the root of the emulated account without credentials."""
    return boto3.Session(
        aws_access_key_id=credentials.get("AccessKeyId", "test"),
        aws_secret_access_key=credentials.get("SecretAccessKey", "test"),
        aws_session_token=credentials.get("SessionToken"),
        region_name=REGION,
    )


@dataclass
class Installation:
    """A stage on the emulated AWS."""

    url: str
    """Of the emulated AWS."""
    public_url: str
    stage: deploy.Stage
    told: list[str]
    digest: str

    @property
    def prefix(self) -> str:
        return self.stage.prefix

    @cached_property
    def root(self) -> boto3.Session:
        return session()

    def client(self, service: str, credentials: dict[str, Any] | None = None) -> Any:
        """A client of root, or of somebody with these credentials."""
        who = self.root if credentials is None else session(**credentials)
        return who.client(service, endpoint_url=self.url)

    def credentials(self, role: str) -> dict[str, Any]:
        """Of a machine in this role, as EC2 would hand them to it."""
        name = f"{self.prefix}-{role}"
        iam = self.client("iam")
        trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        ec2 = {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        # The emulator's EC2 gives nobody a role; root stands in for it, here and not in the template.
        us = {**ec2, "Principal": {"AWS": f"arn:aws:iam::{NUMBER}:root"}}
        if us not in trust["Statement"]:
            trust["Statement"].append(us)
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
        given: dict[str, Any] = self.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{NUMBER}:role/{name}", RoleSessionName="i-0123456789abcdef0"
        )["Credentials"]
        return given

    def user_data(self, service: str) -> str:
        """What EC2 would give to a machine of this service, out of its launch template."""
        from base64 import b64decode

        found = self.client("ec2").describe_launch_template_versions(
            LaunchTemplateName=f"{self.prefix}-{service}", Versions=["$Latest"]
        )["LaunchTemplateVersions"][0]
        return b64decode(found["LaunchTemplateData"]["UserData"]).decode()


def account(url: str) -> Account:
    """The emulated account, for the code of `toolyard aws`."""

    class At:
        """boto3's session, at the emulator."""

        region_name = REGION

        @staticmethod
        def client(service: str) -> Any:
            return session().client(service, endpoint_url=url)

    return Account(At(), NUMBER, REGION, "aws")


def settings(public_url: str) -> dict[str, str]:
    """What a first deployment must be given, and what the emulator cannot do."""
    return {
        "PublicUrl": public_url,
        "CertificateArn": _CERTIFICATE,
        "MailFrom": "tools@example.org",
        "AdminEmail": "admin@example.org",
        "AlarmEmail": "operator@example.org",
        "ImageId": IMAGE,
        "Egress": "none",  # it has no NAT gateways,
        "ScaleWeb": "false",  # no alarms on expressions,
        "ManagedPassword": "false",  # no passwords that RDS keeps
        "KeepData": "false",
    }


def deployed(url: str, name: str = "toolyard", public_url: str = "") -> Installation:
    """This checkout, deployed to staging by the code of `toolyard aws deploy`."""
    public_url = public_url or f"http://127.0.0.1:{free_port()}"
    stage = deploy.Stage(account(url), name, "staging", poll_seconds=0.2)
    stage.account.client("ssm").put_parameter(
        Name=IMAGE,
        Value="ami-0123456789abcdef0",
        Type="String",
        DataType="aws:ec2:image",
        Overwrite=True,
    )
    told: list[str] = []
    digest = deploy.deploy(stage, ROOT, settings(public_url), told.append, wait=False)
    return Installation(url, public_url, stage, told, digest)
