"""The bus on AWS: SNS topics fan out to SQS queues by the message attribute `type`; a dead-letter queue each."""

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import boto3
from botocore.config import Config

from shared.bus import DeadLetter, Message
from shared.events import Event, encode
from shared.topology import (
    MAIL_FEEDBACK,
    MAX_RECEIVES,
    QUEUES,
    SUBSCRIPTIONS,
    TOPICS,
    VISIBILITY_SECONDS,
)

_LONGEST_POLL = 20
_LONGEST_VISIBILITY = 43_200
_RETENTION_SECONDS = 14 * 24 * 3600
_LISTING_SECONDS = 30
_LISTED_AT_MOST = 10_000
_AT_ONCE = 10
"""Messages that a call takes at most."""


class SqsMessage:
    """A delivery under its receipt handle."""

    def __init__(self, sqs: Any, url: str, dead_url: str, raw: dict[str, Any]) -> None:
        self._sqs = sqs
        self._dead_url = dead_url
        self._key = {"QueueUrl": url, "ReceiptHandle": raw["ReceiptHandle"]}
        self._raw_body: str = raw["Body"]
        self.body = unwrap(self._raw_body)
        self.receives = int(raw.get("Attributes", {}).get("ApproximateReceiveCount", "1"))

    def ack(self) -> None:
        self._sqs.delete_message(**self._key)

    def nack(self, delay: float) -> None:
        self.extend(delay)

    def reject(self) -> None:
        # In this order a crash between the two leaves a duplicate, never a loss.
        self._sqs.send_message(QueueUrl=self._dead_url, MessageBody=self._raw_body)
        self.ack()

    def extend(self, seconds: float) -> None:
        whole = min(_LONGEST_VISIBILITY, max(0, math.ceil(seconds)))
        self._sqs.change_message_visibility(**self._key, VisibilityTimeout=whole)


class SnsSqsBus:
    """`Bus` on topics and queues that a stack or `provision` made; `prefix` keeps installations apart."""

    patience = 10.0
    """Each call is paid for, and no drain may take longer: between AWS's longest poll and none."""

    def __init__(self, prefix: str, *, visibility_seconds: int = VISIBILITY_SECONDS) -> None:
        self._prefix = prefix
        self._visibility_seconds = visibility_seconds
        session = boto3.Session()
        self._sns = _client(session, "sns")
        self._sqs = _client(session, "sqs")
        self._sts = _client(session, "sts")
        self._arn_start = ""
        self._urls: dict[str, str] = {}

    def publish(self, event: Event) -> None:
        self._sns.publish(TopicArn=self._topic_arn(event.topic), **_sent(event))

    def publish_all(self, events: Sequence[Event]) -> None:
        for topic in sorted({event.topic for event in events}):
            entries = [
                {"Id": str(n), **_sent(event)}
                for n, event in enumerate(events)
                if event.topic == topic
            ]
            for start in range(0, len(entries), _AT_ONCE):
                answer = self._sns.publish_batch(
                    TopicArn=self._topic_arn(topic),
                    PublishBatchRequestEntries=entries[start : start + _AT_ONCE],
                )
                if answer.get("Failed"):  # a batch is accepted although some of it was not
                    raise RuntimeError(f"SNS refused a part of a batch: {answer['Failed'][0]}")

    def receive(self, queue: str, n: int, wait: float) -> list[Message]:
        raw = self._fetch(queue_name(self._prefix, queue), n, wait, self._visibility_seconds)
        url = self._url(queue_name(self._prefix, queue))
        dead_url = self._url(dead_name(self._prefix, queue))
        return [SqsMessage(self._sqs, url, dead_url, message) for message in raw]

    def depth(self, queue: str) -> int:
        counts = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        found = self._sqs.get_queue_attributes(
            QueueUrl=self._url(queue_name(self._prefix, queue)), AttributeNames=counts
        )["Attributes"]
        return sum(int(found.get(name, 0)) for name in counts)

    def dead_letters(self, queue: str) -> list[DeadLetter]:
        name = dead_name(self._prefix, queue)
        held = [message for batch in self._drain(name) for message in batch]
        for start in range(0, len(held), _AT_ONCE):  # back in sight at once
            self._sqs.change_message_visibility_batch(
                QueueUrl=self._url(name),
                Entries=[
                    {**_receipt(n, message), "VisibilityTimeout": 0}
                    for n, message in enumerate(held[start : start + _AT_ONCE])
                ],
            )
        return [
            DeadLetter(
                id=message["MessageId"],
                queue=queue,
                body=unwrap(message["Body"]),
                receives=int(message["Attributes"].get("ApproximateReceiveCount", "1")),
            )
            for message in held
        ]

    def redrive(self, queue: str) -> int:
        name, moved = dead_name(self._prefix, queue), 0
        for batch in self._drain(name):
            sent = self._sqs.send_message_batch(
                QueueUrl=self._url(queue_name(self._prefix, queue)),
                Entries=[{"Id": str(n), "MessageBody": m["Body"]} for n, m in enumerate(batch)],
            )
            # Only what has arrived goes; what was not deleted is there twice, never lost.
            there = [int(entry["Id"]) for entry in sent.get("Successful", [])]
            if there:
                self._sqs.delete_message_batch(
                    QueueUrl=self._url(name), Entries=[_receipt(n, batch[n]) for n in there]
                )
            moved += len(there)
            if sent.get("Failed"):
                raise RuntimeError(f"SQS refused a part of a batch: {sent['Failed'][0]}")
        return moved

    def close(self) -> None:
        for client in (self._sns, self._sqs, self._sts):
            client.close()

    def _drain(self, name: str) -> Iterator[list[dict[str, Any]]]:
        """The visible messages of a queue, each once, up to ten at a time, hidden for a while."""
        seen: set[str] = set()
        while len(seen) < _LISTED_AT_MOST:
            batch = self._fetch(name, _AT_ONCE, 1, _LISTING_SECONDS)
            fresh = [message for message in batch if message["MessageId"] not in seen]
            if not fresh:
                return
            seen.update(message["MessageId"] for message in fresh)
            yield fresh

    def _fetch(self, name: str, n: int, wait: float, hidden: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._sqs.receive_message(
            QueueUrl=self._url(name),
            MaxNumberOfMessages=max(1, min(n, 10)),
            WaitTimeSeconds=min(_LONGEST_POLL, math.ceil(wait)),
            VisibilityTimeout=hidden,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        ).get("Messages", [])
        return found

    def _topic_arn(self, topic: str) -> str:
        if not self._arn_start:
            caller = self._sts.get_caller_identity()
            partition = caller["Arn"].split(":")[1]
            region = self._sns.meta.region_name
            self._arn_start = f"arn:{partition}:sns:{region}:{caller['Account']}:"
        return self._arn_start + topic_name(self._prefix, topic)

    def _url(self, name: str) -> str:
        if name not in self._urls:
            self._urls[name] = self._sqs.get_queue_url(QueueName=name)["QueueUrl"]
        return self._urls[name]


def _receipt(n: int, message: dict[str, Any]) -> dict[str, Any]:
    """A received message in a batch call."""
    return {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]}


def _sent(event: Event) -> dict[str, Any]:
    """What SNS is told of an event, whether it travels alone or in a batch."""
    kind = {"DataType": "String", "StringValue": type(event).__name__}
    return {"Message": encode(event), "MessageAttributes": {"type": kind}}


def unwrap(body: str) -> str:
    """The event's text, also out of the envelope of a subscription without raw delivery."""
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if isinstance(envelope, dict) and envelope.get("Type") == "Notification":
        return str(envelope.get("Message", ""))
    return body


def topic_name(prefix: str, topic: str) -> str:
    return f"{prefix}-{topic}"


def feedback_topic(prefix: str) -> str:
    """The ARN of the topic that bounces and complaints are published to, in this account."""
    sns = _client(boto3.Session(), "sns")
    try:
        return str(sns.create_topic(Name=topic_name(prefix, MAIL_FEEDBACK))["TopicArn"])
    finally:
        sns.close()


def queue_name(prefix: str, queue: str) -> str:
    return f"{prefix}-{queue}"


def dead_name(prefix: str, queue: str) -> str:
    return f"{prefix}-{queue}-dead"


def open_at(prefix: str) -> SnsSqsBus:
    """The bus of one installation; `shared/bus_open.py` loads this module by name."""
    return SnsSqsBus(prefix)


def provision(
    prefix: str,
    *,
    visibility_seconds: int = VISIBILITY_SECONDS,
    max_receives: int = MAX_RECEIVES,
) -> None:
    """Make, or bring up to date, all topics, queues, policies and subscriptions of the topology."""
    session = boto3.Session()
    sns, sqs = _client(session, "sns"), _client(session, "sqs")
    try:
        topics = {t: sns.create_topic(Name=topic_name(prefix, t))["TopicArn"] for t in TOPICS}
        wanted: dict[tuple[str, str], list[str]] = defaultdict(list)
        for subscription in SUBSCRIPTIONS:
            key = (subscription.topic, subscription.queue)
            wanted[key] += [event.__name__ for event in subscription.events]
        for queue in QUEUES:
            sources = sorted(topics[topic] for topic, to in wanted if to == queue)
            arn = _make_queue(sqs, prefix, queue, sources, visibility_seconds, max_receives)
            for (topic, to), types in wanted.items():
                if to == queue:
                    _subscribe(sns, topics[topic], arn, _only(sorted(types)))
        topic = _make_feedback_topic(sns, prefix)
        arn = _make_queue(sqs, prefix, MAIL_FEEDBACK, [topic], visibility_seconds, max_receives)
        _subscribe(sns, topic, arn, {})
    finally:
        sns.close()
        sqs.close()


def _make_queue(
    sqs: Any, prefix: str, queue: str, sources: list[str], visibility: int, max_receives: int
) -> str:
    dead_url = sqs.create_queue(QueueName=dead_name(prefix, queue))["QueueUrl"]
    sqs.set_queue_attributes(
        QueueUrl=dead_url, Attributes={"MessageRetentionPeriod": str(_RETENTION_SECONDS)}
    )
    dead_arn = _queue_arn(sqs, dead_url)
    url = sqs.create_queue(QueueName=queue_name(prefix, queue))["QueueUrl"]
    arn = _queue_arn(sqs, url)
    redrive = {"deadLetterTargetArn": dead_arn, "maxReceiveCount": max_receives}
    sqs.set_queue_attributes(
        QueueUrl=url,
        Attributes={
            "VisibilityTimeout": str(visibility),
            "MessageRetentionPeriod": str(_RETENTION_SECONDS),
            "RedrivePolicy": json.dumps(redrive),
            "Policy": json.dumps(queue_policy(arn, sources)),
        },
    )
    return arn


def queue_policy(queue_arn: str, topic_arns: list[str]) -> dict[str, object]:
    """Only these topics may send to the queue."""
    statement = {
        "Sid": "OurTopicsOnly",
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arns}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _make_feedback_topic(sns: Any, prefix: str) -> str:
    """Where SES, of this account only, tells of bounces and complaints."""
    arn = str(sns.create_topic(Name=topic_name(prefix, MAIL_FEEDBACK))["TopicArn"])
    sns.set_topic_attributes(
        TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(feedback_policy(arn))
    )
    return arn


def feedback_policy(topic_arn: str) -> dict[str, object]:
    """Only SES on behalf of the topic's own account may publish there."""
    statement = {
        "Sid": "MailFeedback",
        "Effect": "Allow",
        "Principal": {"Service": "ses.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic_arn,
        "Condition": {"StringEquals": {"aws:SourceAccount": topic_arn.split(":")[4]}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _only(types: list[str]) -> dict[str, str]:
    return {"FilterPolicy": json.dumps({"type": types})}


def _subscribe(sns: Any, topic_arn: str, queue_arn: str, chosen: dict[str, str]) -> None:
    attributes = {"RawMessageDelivery": "true", **chosen}
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn)
    for page in pages:
        for found in page["Subscriptions"]:
            if found["Endpoint"] == queue_arn:
                for name, value in attributes.items():
                    sns.set_subscription_attributes(
                        SubscriptionArn=found["SubscriptionArn"],
                        AttributeName=name,
                        AttributeValue=value,
                    )
                return
    sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=queue_arn, Attributes=attributes)


def _queue_arn(sqs: Any, url: str) -> str:
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(found["Attributes"]["QueueArn"])


def _client(session: Any, service: str) -> Any:
    return session.client(
        service,
        config=Config(
            connect_timeout=5,
            read_timeout=_LONGEST_POLL + 10,
            retries={"mode": "standard", "max_attempts": 3},
            max_pool_connections=32,
        ),
    )
