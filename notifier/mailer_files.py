"""Mails as `.eml` files in a folder, for an installation without a mail server."""

import os
import re
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from pathlib import Path

from notifier.mailer import Mail


class FileMailer:
    """`Mailer` that writes; the file is named for the Message-ID, so a repeat replaces it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, mail: Mail) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", mail.message_id.strip("<>"))
        new = self._folder / f".{name}.{os.getpid()}.new"
        with new.open("wb") as file:
            file.write(as_message(mail).as_bytes(policy=SMTP))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._folder / f"{name}.eml")


def as_message(mail: Mail) -> EmailMessage:
    """The mail as RFC 5322 has it; a line break in a header raises ValueError."""
    message = EmailMessage()
    message["From"] = mail.sender
    message["To"] = mail.recipient
    message["Subject"] = mail.subject
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = mail.message_id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message
