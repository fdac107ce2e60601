"""Mail from the operator's shell: `python -m notifier.admin allow-mail EMAIL`."""

import argparse
import os
import sys

from notifier import mailer_open, suppressions
from notifier.settings import NotifierSettings
from shared import bus_open, process
from shared.db import Transactions


def allow_mail(settings: NotifierSettings, address: str) -> int:
    """Send to an address again that was given up; 1 when it was not."""
    transactions = Transactions(settings.database_url, login=settings.database_login)
    try:
        with transactions.begin() as session:
            lifted = suppressions.lift(session, address.strip())
    finally:
        transactions.close()
    if not lifted:
        sys.stderr.write(f"Mail to {address} was not held back.\n")
        return 1
    sys.stdout.write(f"{address} gets mail again. With SES, see its own suppression list too.\n")
    return 0


def provision(settings: NotifierSettings) -> int:
    """Make what the mailer needs; 1 when AWS refuses."""
    try:
        mailer_open.provision(
            settings.mail_url.get_secret_value(),
            settings.mail_from,
            lambda: bus_open.feedback_topic(settings.bus_url),
        )
    except Exception as error:
        sys.stderr.write(f"SES is not prepared: {error}\n")
        return 1
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Carry out one command."""
    parser = argparse.ArgumentParser(prog="python -m notifier.admin", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    allow = commands.add_parser("allow-mail", help="send to an address again that was given up")
    allow.add_argument("email")
    commands.add_parser("provision", help="make what SES needs before its first mail")
    options = parser.parse_args(arguments)
    settings = process.settings_or_exit(NotifierSettings, os.environ)
    if options.command == "provision":
        return provision(settings)
    return allow_mail(settings, options.email)


if __name__ == "__main__":
    sys.exit(main())
