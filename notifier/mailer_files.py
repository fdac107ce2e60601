"""Mails as `.eml` files in a folder, for an installation without a mail server."""

import os
import re
from pathlib import Path

from notifier.mail_message import as_bytes
from notifier.mailer import Mail


class FileMailer:
    """`Mailer` that writes; the file is named for the Message-ID, so a repeat replaces it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, mail: Mail) -> None:
        data = as_bytes(mail)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", mail.message_id.strip("<>"))
        new = self._folder / f".{name}.{os.getpid()}.new"
        with new.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._folder / f"{name}.eml")
