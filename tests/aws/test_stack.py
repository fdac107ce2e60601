"""What the stack makes on an emulator with policies enforced: the main job runs through it, and no more may be done."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.ids import new_id
from shared.topology import QUEUES
from tests.aws import fleet
from tests.aws.emulated import NUMBER, REGION, Installation
from tests.aws.fleet import Fleet

DENIED = ("AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation")


# Trusted to web alone, or undone only with a new stack.
_NOT_FOR_ROOT = frozenset(
    {
        "become images",
        "change the stack",
        "widen itself",
        "delete images",
        "make secrets",
        "make users",
    }
    | {f"{what} {queue}" for what in ("open", "purge") for queue in QUEUES}
    | {"send to " + queue for queue in QUEUES}
)


@pytest.fixture(scope="module")
def home(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[Fleet]:
    """Web and utility in their roles, on what the stack made."""
    folder = tmp_path_factory.mktemp("fleet")
    database = folder / "toolyard.db"
    database.write_bytes(sqlite_template.read_bytes())
    # The emulator has no TLS for this; `test_the_bucket_wants_tls` sees that the policy was there.
    bucket = installation.stage.stack.outputs()["Bucket"]
    s3 = installation.client("s3")
    kept = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=bucket)
    with fleet.running(installation, folder, f"sqlite:///{database}") as running:
        yield running
    s3.put_bucket_policy(Bucket=bucket, Policy=kept)


def refused(call: Callable[[], Any]) -> str:
    """The code of AWS's refusal, or nothing when it was done."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def test_everything_is_made_and_told(installation: Installation) -> None:
    kinds = {one["ResourceType"] for one in installation.stage.stack.resources()}
    assert kinds >= {
        "AWS::AutoScaling::AutoScalingGroup",
        "AWS::AutoScaling::LifecycleHook",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::EC2::LaunchTemplate",
        "AWS::ElasticLoadBalancingV2::Listener",
        "AWS::IAM::Role",
        "AWS::RDS::DBInstance",
        "AWS::S3::BucketPolicy",
        "AWS::SecretsManager::Secret",
        "AWS::SNS::Subscription",
        "AWS::SQS::QueuePolicy",
    }
    told = "\n".join(installation.told)
    assert "CREATE_COMPLETE              RunnerQueue" in told, "events of parts are told too"


def test_the_bucket_wants_tls(installation: Installation) -> None:
    """The emulator speaks plain HTTP here, so web is refused until the bucket's policy is gone."""
    bucket = installation.stage.stack.outputs()["Bucket"]
    root, web = (installation.client("s3", who) for who in (None, installation.credentials("web")))
    kept = root.get_bucket_policy(Bucket=bucket)["Policy"]
    assert refused(lambda: web.put_object(Bucket=bucket, Key="k", Body=b"")) in DENIED
    root.delete_bucket_policy(Bucket=bucket)
    assert refused(lambda: web.put_object(Bucket=bucket, Key="k", Body=b"")) == ""
    root.put_bucket_policy(Bucket=bucket, Policy=kept)


@pytest.mark.parametrize(
    ("worker", "queues"), [("runner", ["runner"]), ("builder", ["builder", "previewer"])]
)
def test_a_worker_may_do_its_work_and_nothing_else(
    installation: Installation, worker: str, queues: list[str]
) -> None:
    """Each right in its list is used; then what the system's other roles may do, and what a thief would want."""
    who = Rights(installation, worker)
    for queue in queues:
        who.may(f"receive of {queue}", lambda q=queue: who.receive(q))
        who.may(f"hide in {queue}", lambda q=queue: who.hide(q))
        who.may(f"delete in {queue}", lambda q=queue: who.delete(q))
    images = {"repositoryName": who.repository, "imageIds": [{"imageTag": "x"}]}
    who.may("sign in to pull", who.ecr.get_authorization_token)
    who.may("pull", lambda: who.ecr.batch_get_image(**images))
    who.may("log", lambda: who.log(worker))
    for name, call in who.everything_else(queues):
        who.may_not(name, call)


def test_the_tests_calls_are_done_for_root(installation: Installation) -> None:
    """Else `may_not` would hold for calls that are wrong in themselves."""
    who = Rights(installation, "runner", as_root=True)
    for name, call in who.everything_else(["runner"]):
        if name not in _NOT_FOR_ROOT:
            assert refused(call) not in DENIED, name


# From here on utility is running and takes messages too.


@pytest.mark.docker
def test_the_main_job_runs_through_what_the_stack_made(home: Fleet) -> None:
    run = fleet.main_job(home, home.folder)

    kept = {key.split("/", 3)[-1] for key in _keys(home.at) if key.startswith(f"runs/{run}/")}
    assert kept == {"manifest", "o/0", "stdout"}
    assert fleet.RUNNER in home.log("web"), "the worker is called after its instance"


def test_removing_the_queue_policy_stops_delivery(home: Fleet) -> None:
    """Web asks for a run each time; only the policy of the stack differs."""
    sqs = home.at.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{home.at.prefix}-runner")["QueueUrl"]
    policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"][
        "Policy"
    ]
    tool, token = home.add_tool("sha256:" + "0" * 64, ["true"])

    def told(run: str, seconds: int) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:  # other runs may be announced again meanwhile
            found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10)
            for message in found.get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                if json.loads(message["Body"]).get("run_id") == run:
                    return True
        return False

    assert told(home.run(tool, token), 30)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert not told(home.run(tool, token), 3)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    assert told(home.run(tool, token), 30)


class Rights:
    """What a role on the emulated AWS may do; every call is made with its own credentials."""

    def __init__(self, at: Installation, role: str, *, as_root: bool = False) -> None:
        self.at, self.role = at, role
        self._given = None if as_root else at.credentials(role)
        self.repository = f"{at.prefix}/tool"
        refused(lambda: at.client("ecr").create_repository(repositoryName=self.repository))
        self._bucket = at.stage.stack.outputs()["Bucket"]

    def __getattr__(self, service: str) -> Any:
        """A client of an AWS service with this role's credentials."""
        client = self.at.client(service, self._given)
        setattr(self, service, client)
        return client

    def may(self, what: str, call: Callable[[], Any]) -> None:
        code = refused(call)
        assert code not in DENIED, f"{self.role} may not {what}: {code}"

    def may_not(self, what: str, call: Callable[[], Any]) -> None:
        code = refused(call)
        assert code in DENIED, f"{self.role} may {what} ({code or 'it was done'})"

    def url(self, queue: str) -> str:
        return str(
            self.at.client("sqs").get_queue_url(QueueName=f"{self.at.prefix}-{queue}")["QueueUrl"]
        )

    def handle(self, queue: str) -> dict[str, str]:
        """Of a message that root has put there and taken."""
        root, url = self.at.client("sqs"), self.url(queue)
        root.send_message(QueueUrl=url, MessageBody="{}")
        found = root.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"][0]
        return {"QueueUrl": url, "ReceiptHandle": found["ReceiptHandle"]}

    def receive(self, queue: str) -> None:
        self.sqs.receive_message(QueueUrl=self.url(queue))

    def hide(self, queue: str) -> None:
        held = self.handle(queue)
        self.sqs.change_message_visibility(**held, VisibilityTimeout=1)
        self.at.client("sqs").delete_message(**held)

    def delete(self, queue: str) -> None:
        self.sqs.delete_message(**self.handle(queue))

    def log(self, service: str) -> None:
        group, stream = f"/{self.at.prefix}/{service}", f"test-{new_id('log')}"
        self.logs.create_log_stream(logGroupName=group, logStreamName=stream)
        self.logs.put_log_events(
            logGroupName=group,
            logStreamName=stream,
            logEvents=[{"timestamp": 1_700_000_000_000, "message": "x"}],
        )

    def figure(self, namespace: str) -> None:
        self.cloudwatch.put_metric_data(
            Namespace=namespace, MetricData=[{"MetricName": "m", "Value": 1}]
        )

    def everything_else(self, own: list[str]) -> Iterator[tuple[str, Callable[[], Any]]]:
        """Actions that another role has, or that a thief would want."""
        prefix, bucket, role = self.at.prefix, self._bucket, self.role
        for queue in QUEUES:
            url, dead = self.url(queue), self.url(f"{queue}-dead")
            yield (
                f"send to {queue}",
                lambda u=url: self.sqs.send_message(QueueUrl=u, MessageBody="x"),
            )
            yield (
                f"send to dead {queue}",
                lambda u=dead: self.sqs.send_message(QueueUrl=u, MessageBody="x"),
            )
            yield f"receive dead {queue}", lambda u=dead: self.sqs.receive_message(QueueUrl=u)
            yield f"purge {queue}", lambda u=url: self.sqs.purge_queue(QueueUrl=u)
            yield (
                f"open {queue}",
                lambda u=url: self.sqs.set_queue_attributes(QueueUrl=u, Attributes={"Policy": ""}),
            )
            if queue not in own:
                yield f"receive of {queue}", lambda q=queue: self.receive(q)
                yield f"hide in {queue}", lambda q=queue: self.hide(q)
                yield f"delete in {queue}", lambda q=queue: self.delete(q)
        topic = f"arn:aws:sns:{REGION}:{NUMBER}:{prefix}-runs"
        group = f"{prefix}-{role}"
        yield "publish", lambda: self.sns.publish(TopicArn=topic, Message="x")
        yield (
            "subscribe",
            lambda: self.sns.subscribe(
                TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:x:1:y"
            ),
        )
        yield "list the bucket", lambda: self.s3.list_objects_v2(Bucket=bucket)
        yield "read objects", lambda: self.s3.get_object(Bucket=bucket, Key="k")
        yield "write objects", lambda: self.s3.put_object(Bucket=bucket, Key="k", Body=b"")
        yield "delete objects", lambda: self.s3.delete_object(Bucket=bucket, Key="k")
        yield (
            "read releases",
            lambda: self.s3.get_object(
                Bucket=self.at.stage.account.release_bucket, Key="releases/x"
            ),
        )
        yield "list buckets", self.s3.list_buckets
        for secret in (
            "worker-token",
            "signing-key",
            "session-key",
            "sealing-key",
            "database-password",
        ):
            yield (
                f"read {secret}",
                lambda s=secret: self.secretsmanager.get_secret_value(SecretId=f"{prefix}/{s}"),
            )
        yield (
            "make secrets",
            lambda: self.secretsmanager.create_secret(Name=f"{prefix}/x", SecretString="x"),
        )
        yield "read parameters", lambda: self.ssm.get_parameter(Name="x")
        yield (
            "push images",
            lambda: self.ecr.put_image(repositoryName=self.repository, imageManifest="{}"),
        )
        yield (
            "begin to push",
            lambda: self.ecr.initiate_layer_upload(repositoryName=self.repository),
        )
        yield (
            "make repositories",
            lambda: self.ecr.create_repository(repositoryName=f"{prefix}/other"),
        )
        yield (
            "delete images",
            lambda: self.ecr.delete_repository(repositoryName=self.repository, force=True),
        )
        yield (
            "pull of others",
            lambda: self.ecr.batch_get_image(
                repositoryName="other/tool", imageIds=[{"imageTag": "x"}]
            ),
        )
        yield (
            "set capacity",
            lambda: self.autoscaling.set_desired_capacity(
                AutoScalingGroupName=group, DesiredCapacity=5
            ),
        )
        yield "look at groups", self.autoscaling.describe_auto_scaling_groups
        yield (
            "end machines",
            lambda: self.ec2.terminate_instances(InstanceIds=["i-0123456789abcdef0"]),
        )
        yield (
            "start machines",
            lambda: self.ec2.run_instances(ImageId="ami-1", MinCount=1, MaxCount=1),
        )
        yield (
            "read user data",
            lambda: self.ec2.describe_launch_template_versions(LaunchTemplateName=f"{prefix}-web"),
        )
        yield "look at databases", self.rds.describe_db_instances
        yield (
            "send mail",
            lambda: self.ses.send_email(
                Source="a@example.org",
                Destination={"ToAddresses": ["b@example.org"]},
                Message={"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}},
            ),
        )
        for other in ("web", "utility", "images"):
            yield (
                f"become {other}",
                lambda o=other: self.sts.assume_role(
                    RoleArn=f"arn:aws:iam::{NUMBER}:role/{prefix}-{o}", RoleSessionName="thief"
                ),
            )
        yield "make users", lambda: self.iam.create_user(UserName="x")
        yield (
            "widen itself",
            lambda: self.iam.put_role_policy(
                RoleName=f"{prefix}-{role}",
                PolicyName="x",
                PolicyDocument=json.dumps(
                    {
                        "Version": "2012-10-17",
                        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
                    }
                ),
            ),
        )
        yield "change the stack", lambda: self.cloudformation.delete_stack(StackName=prefix)
        yield (
            "signal the stack",
            lambda: self.cloudformation.signal_resource(
                StackName=prefix, LogicalResourceId="WebServers", UniqueId="x", Status="SUCCESS"
            ),
        )
        other = "builder" if role == "runner" else "runner"
        yield "log as others", lambda: self.log(other)
        yield (
            "read logs",
            lambda: self.logs.get_log_events(logGroupName=f"/{prefix}/{role}", logStreamName="x"),
        )
        yield "give figures", lambda: self.figure(prefix)


def _keys(at: Installation) -> list[str]:
    bucket = at.stage.stack.outputs()["Bucket"]
    return [
        one["Key"] for one in at.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    ]
