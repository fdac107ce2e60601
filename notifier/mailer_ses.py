"""Mails through Amazon SES. It puts a Message-ID of its own in place of ours: `X-Toolyard-Delivery` stays."""

import contextlib
from typing import Any

import boto3
from botocore.config import Config

from notifier.mail_message import address_of, as_bytes
from notifier.mailer import Mail

TAG = "toolyard-delivery"
"""Comes back with bounces and complaints."""


class SesMailer:
    """`Mailer` on SES v2; needs `ses:SendEmail` on the identity and the configuration set."""

    def __init__(self, configuration_set: str = "") -> None:
        self._set = configuration_set
        self._ses = _client()

    def send(self, mail: Mail) -> None:
        chosen = {"ConfigurationSetName": self._set} if self._set else {}
        self._ses.send_email(
            FromEmailAddress=address_of(mail.sender),
            Destination={"ToAddresses": [address_of(mail.recipient)]},
            Content={"Raw": {"Data": as_bytes(mail)}},
            EmailTags=[{"Name": TAG, "Value": mail.message_id.strip("<>").partition("@")[0]}],
            **chosen,
        )


def provision(sender: str, configuration_set: str, topic: str) -> None:
    """Name the sender's domain to SES, and let bounces and complaints come to `topic` (an ARN, or empty).

    Safe to repeat; SES still asks for the domain's DNS entries before it sends.
    """
    address = address_of(sender)
    domain = address.rpartition("@")[2]
    ses = _client()
    try:
        with contextlib.suppress(ses.exceptions.AlreadyExistsException):
            # A name without a dot is no domain: an emulator's `localhost`.
            ses.create_email_identity(EmailIdentity=domain if "." in domain else address)
        if not configuration_set:
            return
        with contextlib.suppress(ses.exceptions.AlreadyExistsException):
            ses.create_configuration_set(ConfigurationSetName=configuration_set)
        if topic:
            with contextlib.suppress(ses.exceptions.AlreadyExistsException):
                ses.create_configuration_set_event_destination(
                    ConfigurationSetName=configuration_set,
                    EventDestinationName="feedback",
                    EventDestination={
                        "Enabled": True,
                        "MatchingEventTypes": ["BOUNCE", "COMPLAINT"],
                        "SnsDestination": {"TopicArn": topic},
                    },
                )
    finally:
        ses.close()


def _client() -> Any:
    return boto3.Session().client(
        "sesv2",
        config=Config(
            connect_timeout=5,
            read_timeout=20,
            # A repeat after a lost answer would be a second mail: deliveries repeat, and know why.
            retries={"mode": "standard", "max_attempts": 1},
        ),
    )
