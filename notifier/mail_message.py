"""A mail as RFC 5322 has it; whatever would become a second header or a second recipient is refused."""

import re
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from notifier.mailer import Mail

_ADDRESS = re.compile(r"[^\s@<>(),;:\"\[\]\\\x00-\x1f\x7f]+@[^\s@<>(),;:\"\[\]\\\x00-\x1f\x7f]+")
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9_.@+-]+>")
_LONGEST_ADDRESS = 254


class BadMail(ValueError):
    """The mail can never be sent as it is."""


def address_of(text: str) -> str:
    """The address as mail servers take it: its domain in ASCII; raises `BadMail`."""
    if not _ADDRESS.fullmatch(text) or len(text) > _LONGEST_ADDRESS:
        raise BadMail(f"{text[:100]!r} is no address of one person.")
    name, _, domain = text.partition("@")
    try:
        return f"{name.encode('ascii').decode()}@{domain.encode('idna').decode()}"
    except UnicodeError as error:
        raise BadMail(f"{text[:100]!r} has letters that mail servers do not take.") from error


def as_message(mail: Mail) -> EmailMessage:
    """Headers and body; raises `BadMail`."""
    sender, recipient = address_of(mail.sender), address_of(mail.recipient)
    if any(not c.isprintable() for c in mail.subject):
        raise BadMail("A subject is one line of printable text.")
    if not _MESSAGE_ID.fullmatch(mail.message_id):
        raise BadMail(f"{mail.message_id[:100]!r} is no Message-ID.")
    message = EmailMessage()
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = mail.subject
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = mail.message_id
    message["Auto-Submitted"] = "auto-generated"
    message["X-Toolyard-Delivery"] = mail.message_id.strip("<>")
    message.set_content(mail.text)
    return message


def as_bytes(mail: Mail) -> bytes:
    """As it travels; raises `BadMail`."""
    return as_message(mail).as_bytes(policy=SMTP)
