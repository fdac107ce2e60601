"""EC2 groups follow the scaler: on moto's auto-scaling, and on botocore's model where moto has no such call."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from web.worker_groups import GroupsUnreachable
from web.worker_groups_ec2 import Ec2Groups, instance_of

REGION = "us-east-1"
NAME = "ty-runner"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        ec2 = boto3.client("ec2", region_name=REGION)
        image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        ec2.create_launch_template(
            LaunchTemplateName="worker",
            LaunchTemplateData={"ImageId": image, "InstanceType": "t3.small"},
        )
        client = boto3.client("autoscaling", region_name=REGION)
        client.create_auto_scaling_group(
            AutoScalingGroupName=NAME,
            LaunchTemplate={"LaunchTemplateName": "worker", "Version": "$Latest"},
            MinSize=0,
            MaxSize=6,
            DesiredCapacity=0,
            AvailabilityZones=[f"{REGION}a"],
            NewInstancesProtectedFromScaleIn=True,
        )
        yield client


def instances(client: Any) -> dict[str, bool]:
    """Each one's protection."""
    found = client.describe_auto_scaling_groups(AutoScalingGroupNames=[NAME])
    return {
        one["InstanceId"]: one["ProtectedFromScaleIn"]
        for one in found["AutoScalingGroups"][0]["Instances"]
    }


def owner(instance: str) -> str:
    return f"{instance}:boot/runner"


def test_from_none_to_many_within_the_groups_own_bounds(client: Any) -> None:
    groups = Ec2Groups("ty", client)
    assert groups.standing("runner").running == 0

    groups.follow("runner", 4, ())
    assert groups.standing("runner").running == 4
    assert set(instances(client).values()) == {True}

    groups.follow("runner", 100, ())
    assert groups.standing("runner").running == 6


def test_scale_in_ends_idle_machines_only(client: Any) -> None:
    groups = Ec2Groups("ty", client)
    groups.follow("runner", 5, ())
    busy = sorted(instances(client))[:2]

    groups.follow("runner", 3, [owner(one) for one in busy])
    assert len(instances(client)) == 3
    assert set(busy) <= set(instances(client))

    groups.follow("runner", 0, [owner(one) for one in busy])
    assert sorted(instances(client)) == busy, "the busy ones stay, whatever was asked"
    assert set(instances(client).values()) == {True}

    groups.follow("runner", 0, ())
    assert instances(client) == {}


def test_a_machine_that_claims_again_is_protected_again(client: Any) -> None:
    groups = Ec2Groups("ty", client)
    groups.follow("runner", 2, ())
    first, second = sorted(instances(client))
    client.set_instance_protection(
        InstanceIds=[first, second], AutoScalingGroupName=NAME, ProtectedFromScaleIn=False
    )

    groups.follow("runner", 2, [owner(first)])

    assert instances(client) == {first: True, second: True}


def test_a_group_that_is_not_there_is_told(client: Any) -> None:
    with pytest.raises(GroupsUnreachable, match="ty-builder"):
        Ec2Groups("ty", client).standing("builder")


def test_workers_are_called_after_their_instance() -> None:
    assert instance_of("i-0abc:5d1e/runner1") == "i-0abc"


class Told:
    """The API's answers in the order of the calls; parameters are checked against its model."""

    def __init__(self) -> None:
        self.client = boto3.client(
            "autoscaling",
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self.stub = Stubber(self.client)

    def group(self, *states: str, desired: int) -> None:
        machines = [
            {
                "InstanceId": f"i-{n}",
                "AvailabilityZone": f"{REGION}a",
                "LifecycleState": state,
                "HealthStatus": "Healthy",
                "ProtectedFromScaleIn": True,
            }
            for n, state in enumerate(states)
        ]
        group = {
            "AutoScalingGroupName": NAME,
            "MinSize": 0,
            "MaxSize": 9,
            "DesiredCapacity": desired,
            "DefaultCooldown": 0,
            "AvailabilityZones": [f"{REGION}a"],
            "HealthCheckType": "EC2",
            "CreatedTime": datetime.fromtimestamp(0, UTC),
            "Instances": machines,
        }
        self.answer("describe_auto_scaling_groups", {"AutoScalingGroups": [group]})

    def answer(self, call: str, answer: Any, expected: Any = None) -> None:
        self.stub.add_response(call, answer, expected)


@pytest.fixture
def told() -> Iterator[Told]:
    told = Told()
    with told.stub:
        yield told
    told.stub.assert_no_pending_responses()


ACTION = {"AutoScalingGroupName": NAME, "LifecycleHookName": "drain", "InstanceId": "i-0"}


def test_a_drained_machine_is_let_go_at_the_second_look(told: Told) -> None:
    groups = Ec2Groups("ty", told.client)

    def look(*holders: str) -> None:
        groups.follow("runner", 0, holders)
        told.stub.assert_no_pending_responses()

    told.group("Terminating:Wait", desired=0)
    told.answer("record_lifecycle_action_heartbeat", {}, ACTION)
    look(owner("i-0"))

    told.group("Terminating:Wait", desired=0)
    look()  # it may just be claiming

    told.group("Terminating:Wait", desired=0)
    told.answer("complete_lifecycle_action", {}, {**ACTION, "LifecycleActionResult": "CONTINUE"})
    look()


def activity(n: int, status: str, at: float) -> dict[str, object]:
    return {
        "ActivityId": f"a{n}",
        "AutoScalingGroupName": NAME,
        "Cause": "desired capacity",
        "StartTime": datetime.fromtimestamp(at, UTC),
        "StatusCode": status,
    }


@pytest.mark.parametrize(("failures", "grows"), [(4, True), (5, False)])
def test_five_failed_launches_open_the_breaker(told: Told, failures: int, grows: bool) -> None:
    now = 1_700_000_000.0
    told.group("InService", desired=3)
    activities = [activity(n, "Failed", now - 60 * n) for n in range(failures)]
    told.answer(
        "describe_scaling_activities",
        {"Activities": [*activities, activity(9, "Successful", now)]},
    )

    standing = Ec2Groups("ty", told.client, now=lambda: now).standing("runner")

    assert standing.running == 1
    assert (standing.trouble == "") is grows
