"""Mail from the operator's shell: `python -m notifier.admin allow-mail EMAIL`."""

import argparse
import os
import sys

from notifier import suppressions
from notifier.settings import NotifierSettings
from shared import process
from shared.db import Transactions


def main(arguments: list[str] | None = None) -> int:
    """Carry out one command; 1 when there was nothing to do."""
    parser = argparse.ArgumentParser(prog="python -m notifier.admin", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    allow = commands.add_parser("allow-mail", help="send to an address again that was given up")
    allow.add_argument("email")
    options = parser.parse_args(arguments)
    settings = process.settings_or_exit(NotifierSettings, os.environ)
    transactions = Transactions(settings.database_url, login=settings.database_login)
    try:
        with transactions.begin() as session:
            lifted = suppressions.lift(session, options.email.strip())
    finally:
        transactions.close()
    if not lifted:
        sys.stderr.write(f"Mail to {options.email} was not held back.\n")
        return 1
    sys.stdout.write(
        f"{options.email} gets mail again. With SES, see its own suppression list too.\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
