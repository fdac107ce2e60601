"""The mailer port: one plain-text mail to one person."""

from dataclasses import dataclass
from typing import Protocol


class AddressRefused(Exception):
    """The mail server knows for certain that this address takes no mail; the text says how it put it."""


@dataclass(frozen=True)
class Mail:
    """A mail whose `message_id` stays the same however often it is tried."""

    message_id: str
    sender: str
    recipient: str
    subject: str
    text: str


class Mailer(Protocol):
    def send(self, mail: Mail) -> None:
        """Accepted for delivery when it returns.

        Raises `AddressRefused`, `mail_message.BadMail`; anything else may be tried again.
        """
        ...
