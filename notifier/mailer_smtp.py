"""Mails through an SMTP server: TLS from the first byte (`smtps`), or asked for before anything is said (`smtp`)."""

import ipaddress
import re
import smtplib
import ssl
from dataclasses import dataclass, field

from notifier.mail_message import address_of, as_bytes
from notifier.mailer import AddressRefused, Mail

_NO_SUCH_ADDRESS = re.compile(r"\b5\.1\.(?:1|2|3|6|10)\b")
"""Enhanced codes (RFC 3463) that speak of the address; a plain 550 may be the server's policy."""


class NotEncrypted(Exception):
    """The server offers no TLS, and it is not on this host: nothing was said to it."""


@dataclass(frozen=True)
class Server:
    """Where mails are handed in."""

    host: str
    port: int
    tls: bool = False
    """From the first byte."""
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def is_here(self) -> bool:
        """Whether nothing leaves this host on the way there."""
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return self.host == "localhost"


class SmtpMailer:
    """`Mailer` that makes one connection a mail; certificates are checked against what this host trusts."""

    def __init__(
        self, server: Server, *, timeout: float = 15.0, context: ssl.SSLContext | None = None
    ) -> None:
        self._server = server
        self._timeout = timeout
        self._context = context or ssl.create_default_context()

    def send(self, mail: Mail) -> None:
        data = as_bytes(mail)
        with self._connected() as connection:
            self._hand_in(connection, mail, data)

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        if server.tls:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=self._timeout, context=self._context
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=self._timeout)
        try:
            connection.ehlo_or_helo_if_needed()
            if not server.tls:
                self._encrypt(connection)
            if server.user:
                connection.login(server.user, server.password)
        except BaseException:
            connection.close()
            raise
        return connection

    def _encrypt(self, connection: smtplib.SMTP) -> None:
        if connection.has_extn("starttls"):
            connection.starttls(context=self._context)
            connection.ehlo()
        elif not self._server.is_here:
            raise NotEncrypted(
                f"{self._server.host}:{self._server.port} offers no STARTTLS: use smtps://, or a "
                "server that encrypts. Nothing was sent."
            )

    @staticmethod
    def _hand_in(connection: smtplib.SMTP, mail: Mail, data: bytes) -> None:
        try:
            connection.sendmail(address_of(mail.sender), [address_of(mail.recipient)], data)
        except smtplib.SMTPRecipientsRefused as error:
            [(code, said)] = error.recipients.values()
            text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
            if 500 <= code < 600 and _NO_SUCH_ADDRESS.search(text):
                raise AddressRefused(f"{code} {text}") from error
            raise
