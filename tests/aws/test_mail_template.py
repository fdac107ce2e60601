"""The stack's part for bounces and complaints is what the code reads and what `toolyard bus provision` makes."""

from typing import Any

from shared.bus_sns_sqs import dead_name, feedback_policy, queue_name, queue_policy, topic_name
from shared.topology import MAIL_FEEDBACK, MAX_RECEIVES, VISIBILITY_SECONDS
from tests.aws.test_templates import SOURCES, plain, resources


def only(kind: str) -> dict[str, Any]:
    (found,) = resources("mail.yaml", kind).values()
    return dict(plain(found))


def test_topic_and_queue_are_those_that_the_notifier_reads() -> None:
    assert only("AWS::SNS::Topic")["TopicName"] == topic_name("p", MAIL_FEEDBACK)
    queues = {
        q["QueueName"]: q for q in map(plain, resources("mail.yaml", "AWS::SQS::Queue").values())
    }
    assert set(queues) == {queue_name("p", MAIL_FEEDBACK), dead_name("p", MAIL_FEEDBACK)}
    queue = queues[queue_name("p", MAIL_FEEDBACK)]
    assert queue["VisibilityTimeout"] == VISIBILITY_SECONDS
    assert queue["RedrivePolicy"]["maxReceiveCount"] == MAX_RECEIVES
    assert only("AWS::SNS::Subscription")["RawMessageDelivery"] is True


def test_only_ses_may_publish_and_only_the_topic_may_send() -> None:
    wanted: Any = feedback_policy("arn:aws:sns:region:account:topic")
    (statement,) = wanted["Statement"]
    statement["Resource"] = "FeedbackTopic"
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "account"}}
    statement["Condition"] = {"StringEquals": {"aws:SourceAccount": "AWS::AccountId"}}
    assert only("AWS::SNS::TopicPolicy")["PolicyDocument"] == wanted
    assert only("AWS::SQS::QueuePolicy")["PolicyDocument"] == queue_policy(
        "FeedbackQueue", ["FeedbackTopic"]
    )


def test_ses_tells_of_bounces_and_complaints_under_the_set_that_mails_are_sent_with() -> None:
    told = only("AWS::SES::ConfigurationSetEventDestination")["EventDestination"]
    assert told == {
        "Name": "feedback",
        "Enabled": True,
        "MatchingEventTypes": ["bounce", "complaint"],
        "SnsDestination": {"TopicARN": "FeedbackTopic"},
    }
    assert "TOOLYARD_MAIL_URL=ses://${Prefix}\n" in SOURCES["web.yaml"]
    assert "./mail.yaml" in SOURCES["stack.yaml"]
