"""`python -m utility`: relay, reaper, scaler, sweepers, archiver and notifier in one process, until SIGTERM."""

import os
import sys

import structlog

from shared import logs, process, tracing
from shared.bus_open import open_bus
from shared.db import Transactions
from utility import parts
from utility.settings import UtilitySettings


def main() -> int:
    """Run all parts; 1 when one of them broke."""
    settings = process.settings_or_exit(UtilitySettings, os.environ)
    logs.configure("utility", json=settings.log_json)
    tracing.configure(settings.traces_url, "utility")
    transactions = Transactions(settings.database_url, login=settings.database_login)
    bus = open_bus(settings.bus_url, settings.data)
    together = parts.build(settings, transactions, bus)
    structlog.get_logger().info("utility_ready", parts=list(together.parts))
    try:
        process.run_until_signalled(together)
    finally:
        bus.close()
        transactions.close()
    return 1 if together.broken else 0


if __name__ == "__main__":
    sys.exit(main())
