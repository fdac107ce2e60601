"""What is true of SNS and SQS only: policies, envelopes, provisioning."""

import json
from collections.abc import Iterator

import boto3
import pytest

from shared import bus_sns_sqs
from shared.bus import Bus
from shared.bus_sns_sqs import queue_policy, unwrap
from shared.ids import new_id
from tests.contracts.buses import Place, drain, one, requested


@pytest.fixture(
    params=[
        "ministack",
        pytest.param(
            "moto",
            marks=pytest.mark.xfail(strict=True, reason="moto enforces no queue policy (aws.md)"),
        ),
    ]
)
def enforcing(request: pytest.FixtureRequest) -> str:
    """An emulated AWS that should enforce queue policies."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def sns_sqs(request: pytest.FixtureRequest) -> Iterator[tuple[Place, Bus]]:
    """On the emulator of `enforcing`, else on MiniStack."""
    if "enforcing" not in request.fixturenames:
        request.getfixturevalue("ministack")
    place = Place("sns_sqs", new_id("t").replace("_", ""))
    place.provision()
    bus = place.open()
    yield place, bus
    bus.close()


def _policy(place: Place, queue: str, policy: str) -> None:
    sqs = boto3.Session().client("sqs")
    url = sqs.get_queue_url(QueueName=f"{place.name}-{queue}")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sqs.close()


def test_sns_delivers_only_because_of_the_queue_policy(
    enforcing: str, sns_sqs: tuple[Place, Bus]
) -> None:
    place, bus = sns_sqs
    bus.publish(requested())
    one(bus, "runner").ack()

    _policy(place, "runner", "")
    bus.publish(requested())
    assert bus.receive("runner", 1, 2) == []

    bus_sns_sqs.provision(place.name)
    bus.publish(requested("run_again"))
    assert "run_again" in one(bus, "runner").body


def test_a_foreign_topic_cannot_send_to_our_queue(
    enforcing: str, sns_sqs: tuple[Place, Bus]
) -> None:
    place, bus = sns_sqs
    session = boto3.Session()
    sns, sqs = session.client("sns"), session.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{place.name}-runner")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    topic = sns.create_topic(Name=f"{place.name}-foreign")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    sns.publish(TopicArn=topic, Message="hello")

    assert bus.receive("runner", 1, 2) == []

    _policy(place, "runner", json.dumps(queue_policy(arn, [topic])))
    sns.publish(TopicArn=topic, Message="hello")
    assert one(bus, "runner").body == "hello", "the emulator must enforce the difference"
    sns.close()
    sqs.close()


def test_provisioning_again_changes_nothing(sns_sqs: tuple[Place, Bus]) -> None:
    place, bus = sns_sqs
    bus_sns_sqs.provision(place.name)
    bus.publish(requested())

    assert len(drain(bus, "runner", 2, 3)) == 1


def test_an_sns_envelope_is_opened() -> None:
    body = requested().model_dump_json()
    assert unwrap(json.dumps({"Type": "Notification", "MessageId": "1", "Message": body})) == body
    assert unwrap(body) == body
