"""Which mailer an address means."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from notifier.mailer import Mailer
from notifier.mailer_files import FileMailer

_PORTS = {"smtp": 587, "smtps": 465}
_SET = re.compile(r"ses://([A-Za-z0-9_-]{0,64})")
_FORMS = (
    "it must be empty, smtp://[USER[:PASSWORD]@]HOST[:PORT], smtps://… or ses://[CONFIGURATION-SET]"
)


@dataclass(frozen=True)
class Smtp:
    """What an `smtp` or `smtps` address says."""

    host: str
    port: int
    tls: bool
    user: str
    password: str


def parse(url: str) -> Smtp | str | None:
    """The server, SES's configuration set, or None for files; ValueError without the URL in it: it may hold a password."""
    if not url:
        return None
    if found := _SET.fullmatch(url):
        return found[1]
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(_FORMS) from error
    if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError(_FORMS)
    return Smtp(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        tls=parts.scheme == "smtps",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def has_feedback(url: str) -> bool:
    """Whether bounces and complaints come back as messages."""
    return isinstance(parse(url), str)


def provision(url: str, sender: str, topic: Callable[[], str]) -> bool:
    """Make what SES needs before its first mail; whether there was anything to make."""
    found = parse(url)
    if not isinstance(found, str):
        return False
    from notifier import mailer_ses

    mailer_ses.provision(sender, found, topic() if found else "")
    return True


def open_mailer(url: str, data: Path, password: Callable[[], str]) -> Mailer:
    """The mailer; `password()` gives the secret where the address names a user alone."""
    found = parse(url)
    if found is None:
        return FileMailer(data / "mail")
    if isinstance(found, str):
        from notifier.mailer_ses import SesMailer

        return SesMailer(found)
    from notifier.mailer_smtp import Server, SmtpMailer

    known = found.password or (password() if found.user else "")
    return SmtpMailer(Server(found.host, found.port, found.tls, found.user, known))
