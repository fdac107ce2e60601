"""`python -m notifier`: real adapters, until SIGTERM."""

import os
import sys

from notifier import app
from notifier.settings import NotifierSettings
from shared import logs, process, tracing
from shared.bus_open import open_bus
from shared.db import Transactions


def main() -> int:
    """Run the service alone; 1 when a part of it broke."""
    settings = process.settings_or_exit(NotifierSettings, os.environ)
    logs.configure("notifier", json=settings.log_json)
    tracing.configure(settings.traces_url, "notifier")
    transactions = Transactions(settings.database_url, login=settings.database_login)
    bus = open_bus(settings.bus_url, settings.data)
    service = app.as_told(settings, transactions=transactions, bus=bus)
    try:
        process.run_until_signalled(service)
    finally:
        bus.close()
        transactions.close()
    return 1 if service.broken else 0


if __name__ == "__main__":
    sys.exit(main())
