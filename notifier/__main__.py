"""`python -m notifier`: real adapters, until SIGTERM."""

import os

from notifier import app
from notifier.settings import NotifierSettings
from shared import logs, process, tracing
from shared.bus_open import open_bus
from shared.db import Transactions


def main() -> None:
    """Run the service alone."""
    settings = process.settings_or_exit(NotifierSettings, os.environ)
    logs.configure("notifier", json=settings.log_json)
    tracing.configure(settings.traces_url, "notifier")
    transactions = Transactions(settings.database_url, login=settings.database_login)
    bus = open_bus(settings.bus_url, settings.data)
    try:
        process.run_until_signalled(
            app.build(
                transactions=transactions,
                bus=bus,
                mailer=settings.open_mailer(),
                sender=settings.mail_from,
                url=settings.url,
                feedback=settings.mail_feedback,
            )
        )
    finally:
        bus.close()
        transactions.close()


if __name__ == "__main__":
    main()
