"""What each process may do on SNS and SQS, as IAM policies: exactly what its work needs (docs/permissions.md)."""

from shared.bus_sns_sqs import dead_name, queue_name, topic_name
from shared.topology import TOPICS

Policy = dict[str, object]

CONSUME = (
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:ReceiveMessage",
)
PUT_AWAY = ("sqs:GetQueueUrl", "sqs:SendMessage")
"""On the dead-letter queue, for messages that can never be handled."""


def consumer(
    prefix: str, queue: str, *, region: str, account: str, partition: str = "aws"
) -> Policy:
    """For the service that reads this queue: its own queue and that one's dead letters, nothing else."""
    start = f"arn:{partition}:sqs:{region}:{account}:"
    return _policy(
        _allow("OwnQueue", CONSUME, [start + queue_name(prefix, queue)]),
        _allow("OwnDeadLetters", PUT_AWAY, [start + dead_name(prefix, queue)]),
    )


def publisher(prefix: str, *, region: str, account: str, partition: str = "aws") -> Policy:
    """For the relay: every topic of the installation."""
    start = f"arn:{partition}:sns:{region}:{account}:"
    return _policy(
        _allow("OurTopics", ("sns:Publish",), [start + topic_name(prefix, t) for t in TOPICS])
    )


def _allow(sid: str, actions: tuple[str, ...], resources: list[str]) -> Policy:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resources}


def _policy(*statements: Policy) -> Policy:
    return {"Version": "2012-10-17", "Statement": list(statements)}
