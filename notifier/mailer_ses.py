"""Mails through Amazon SES. It puts a Message-ID of its own in place of ours: `X-Toolyard-Delivery` stays."""

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
        self._ses: Any = boto3.Session().client(
            "sesv2",
            config=Config(
                connect_timeout=5,
                read_timeout=20,
                # A repeat after a lost answer would be a second mail: deliveries repeat, and know why.
                retries={"mode": "standard", "max_attempts": 1},
            ),
        )

    def send(self, mail: Mail) -> None:
        chosen = {"ConfigurationSetName": self._set} if self._set else {}
        self._ses.send_email(
            FromEmailAddress=address_of(mail.sender),
            Destination={"ToAddresses": [address_of(mail.recipient)]},
            Content={"Raw": {"Data": as_bytes(mail)}},
            EmailTags=[{"Name": TAG, "Value": mail.message_id.strip("<>").partition("@")[0]}],
            **chosen,
        )
