"""A machine gets the worker token for a proof of its role, which AWS answers for, and for nothing else."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from flask.testing import FlaskClient

from shared import aws_enrolment
from shared.aws_enrolment import NotProven, role_of
from tests.aws.emulated import NUMBER, REGION, Installation

SERVER = "tools.example.org"


@pytest.fixture
def aws(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """The SDK of this process asks the emulator."""
    for name, value in {
        "AWS_ENDPOINT_URL": installation.url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)
    return installation


def proof(
    at: Installation, role: str, server: str = SERVER, body: str = aws_enrolment.QUESTION
) -> dict[str, str]:
    """The headers that a machine in this role signs."""
    given = at.credentials(role)
    request = AWSRequest(
        "POST",
        at.url + "/",
        data=body,
        headers={
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
            **({"X-Toolyard-Server": server} if server else {}),
        },
    )
    who = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    SigV4Auth(who, "sts", REGION).add_auth(request)
    return dict(request.headers.items())


def test_sts_names_the_role_that_signed(aws: Installation) -> None:
    assert role_of(proof(aws, "runner"), SERVER) == f"{NUMBER}:{aws.prefix}-runner"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda headers: headers.update({"X-Toolyard-Server": "other.example.org"}),
        lambda headers: headers.pop("X-Toolyard-Server"),
        lambda headers: headers.update(
            {"Authorization": headers["Authorization"].replace(";x-toolyard-server", "")}
        ),
        lambda headers: headers.update({"Authorization": headers["Authorization"][:-4] + "0000"}),
        lambda headers: headers.update({"X-Amz-Date": "20200101T000000Z"}),
        lambda headers: headers.pop("Authorization"),
        lambda headers: headers.update({"Content-Type": "\u00fc"}),
        lambda headers: headers.update({"X-Amz-Date": headers["X-Amz-Date"] + "\r\nX-Evil: 1"}),
    ],
    ids=[
        "another server's",
        "no server",
        "server not signed",
        "forged",
        "old",
        "unsigned",
        "odd",
        "two",
    ],
)
def test_what_proves_nothing_is_refused(aws: Installation, spoil: Any) -> None:
    headers = proof(aws, "runner")
    spoil(headers)
    with pytest.raises(NotProven):
        role_of(headers, SERVER)


def test_a_good_proof_for_another_server_is_of_no_use_here(aws: Installation) -> None:
    headers = proof(aws, "runner", server="other.example.org")
    assert role_of(headers, "other.example.org"), "AWS itself takes it"
    with pytest.raises(NotProven):
        role_of(headers, SERVER)


def test_a_server_that_was_named_after_signing_proves_nothing(aws: Installation) -> None:
    headers = proof(aws, "runner", server="")
    headers["X-Toolyard-Server"] = SERVER
    assert "x-toolyard-server" not in headers["Authorization"]
    with pytest.raises(NotProven):
        role_of(headers, SERVER)


def test_what_was_signed_is_said_once(aws: Installation) -> None:
    """AWS might read another list of signed headers than we do."""
    headers = proof(aws, "runner", server="")
    headers["X-Toolyard-Server"] = SERVER
    signed = headers["Authorization"]
    for both in (
        signed.replace(" SignedHeaders=", " SignedHeaders=x-toolyard-server, SignedHeaders="),
        f"SignedHeaders=x-toolyard-server, {signed}",
        f"{signed}, SignedHeaders=x-toolyard-server",
        f"AWS4-HMAC-SHA256 Credential=a, SignedHeaders=x-toolyard-server, Signature={'0' * 64}, {signed}",
    ):
        with pytest.raises(NotProven, match="must cover"):
            role_of({**headers, "Authorization": both}, SERVER)


def test_a_signature_over_another_question_is_refused(aws: Installation) -> None:
    with pytest.raises(NotProven):
        role_of(proof(aws, "runner", body="Action=GetSessionToken&Version=2011-06-15"), SERVER)


class TestEndpoint:
    """`POST /api/v1/worker/enrolments` of a web that names the workers' roles."""

    @pytest.fixture
    def client(self, aws: Installation, tmp_path: Any) -> Iterator[FlaskClient]:
        from web.bootstrap import build
        from web.flask_app import create_app
        from web.settings import WebSettings

        settings = WebSettings.read(
            {
                "TOOLYARD_DATA": str(tmp_path),
                "TOOLYARD_URL": f"https://{SERVER}",
                "TOOLYARD_WORKER_ROLES": f"{NUMBER}:{aws.prefix}-runner,{NUMBER}:{aws.prefix}-builder",
                "TOOLYARD_RELEASE": f"s3://{aws.stage.account.release_bucket}/releases/{aws.digest}.tar.gz",
                "TOOLYARD_ENROLMENTS_PER_MINUTE": "3",
            }
        )
        ports = build(settings)
        yield create_app(ports).test_client()
        ports.transactions.close()

    def ask(self, client: FlaskClient, headers: dict[str, str], release: str) -> Any:
        body = {"headers": headers, "release": release}
        return client.post("/api/v1/worker/enrolments", json=body)

    def test_a_worker_gets_token_and_release(
        self, client: FlaskClient, aws: Installation, tmp_path: Any
    ) -> None:
        answer = self.ask(client, proof(aws, "builder"), aws.digest)
        assert answer.status_code == 200
        assert answer.json["worker_token"] == (tmp_path / "secrets" / "worker-token").read_text()
        address = urlsplit(answer.json["release_url"])
        assert aws.digest in address.path and "Signature" in address.query

    def test_another_role_gets_nothing(self, client: FlaskClient, aws: Installation) -> None:
        answer = self.ask(client, proof(aws, "utility"), aws.digest)
        assert answer.status_code == 403 and "token" not in answer.text.replace("token.", "")

    def test_a_worker_of_another_release_waits(
        self, client: FlaskClient, aws: Installation
    ) -> None:
        assert self.ask(client, proof(aws, "runner"), "0" * 64).status_code == 409

    def test_asking_too_often_asks_aws_no_more(
        self, client: FlaskClient, aws: Installation
    ) -> None:
        statuses = [self.ask(client, {}, aws.digest).status_code for _ in range(4)]
        assert statuses == [403, 403, 403, 429]


def test_web_without_roles_loads_no_aws_code() -> None:
    program = "import sys, web.api.enrolments; sys.exit('boto3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
