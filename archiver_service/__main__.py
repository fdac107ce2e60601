"""`python -m archiver_service`: real adapters, until SIGTERM."""

import os

from archiver_service import app
from archiver_service.settings import ArchiverSettings
from shared import logs, process, tracing
from shared.bus_open import open_bus
from shared.db import Transactions


def main() -> None:
    """Run the service alone."""
    settings = process.settings_or_exit(ArchiverSettings, os.environ)
    logs.configure("archiver", json=settings.log_json)
    tracing.configure(settings.traces_url, "archiver")
    transactions = Transactions(settings.database_url, login=settings.database_login)
    bus = open_bus(settings.bus_url, settings.data)
    try:
        process.run_until_signalled(
            app.build(transactions=transactions, bus=bus, grace_seconds=settings.grace_seconds)
        )
    finally:
        bus.close()
        transactions.close()


if __name__ == "__main__":
    main()
