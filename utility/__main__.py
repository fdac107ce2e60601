"""`python -m utility`: relay, reaper, scaler, sweepers, archiver and notifier in one process, until SIGTERM."""

import os
import sys

import structlog
from pydantic import Field

from archiver_service import app as archiver
from archiver_service.settings import ArchiverSettings
from notifier import app as notifier
from notifier.settings import NotifierSettings
from shared import doorbell, logs, process, tracing
from shared.bus_open import open_bus
from shared.db import Transactions
from shared.objects_open import open_credentials, open_store
from shared.together import Together
from utility import scaling
from utility.scaling import ScalingSettings
from web import uploads
from web.answering import probe_of
from web.file_hashes import FileHashes
from web.leases import LeaseTimes
from web.reaper import Reaper
from web.relay import Relay
from web.storage_denials import StorageDenials
from web.sweeper import Sweeper
from web.upload_sweeper import UploadSweeper


class UtilitySettings(ArchiverSettings, NotifierSettings, ScalingSettings):
    """What its parts are told."""

    sweep_seconds: float = Field(default=3600.0, gt=0)
    """Between two looks for what nobody needs any more."""
    unused_file_days: int = Field(default=30, gt=0)
    """Uploads that no run has used for so long are deleted."""
    unfinished_upload_days: int = Field(default=7, gt=0)
    """Uploads that were begun and not finished for so long are given up."""


def main() -> int:
    """Run all parts; 1 when one of them broke."""
    settings = process.settings_or_exit(UtilitySettings, os.environ)
    logs.configure("utility", json=settings.log_json)
    tracing.configure(settings.traces_url, "utility")
    wake = doorbell.folder_of(settings.data)
    transactions = Transactions(settings.database_url, login=settings.database_login)
    store = open_store(settings, settings.secret("signing-key"))
    bus = open_bus(settings.bus_url, settings.data)
    scaler = scaling.build(settings, transactions)
    credentials = open_credentials(settings)
    together = Together(
        {
            **({"scaler": scaler} if scaler else {}),
            "relay": Relay(transactions, bus, settings.data),
            "reaper": Reaper(
                transactions,
                probe=probe_of(settings.url),
                ring=lambda name: doorbell.ring(wake, name),
                times=LeaseTimes(settings.lease_seconds, settings.heartbeat_seconds),
                period=settings.reaper_seconds,
            ),
            "sweeper": Sweeper(
                transactions,
                store.objects,
                period=settings.sweep_seconds,
                unused_days=settings.unused_file_days,
            ),
            "upload-sweeper": UploadSweeper(
                transactions,
                uploads.Store(store.objects, store.uploads),
                period=settings.sweep_seconds,
                days=settings.unfinished_upload_days,
            ),
            # the folder store computes whole hashes itself
            **(
                {"file-hashes": FileHashes(transactions, store.objects)}
                if settings.objects_url
                else {}
            ),
            **(
                {"storage-denials": StorageDenials(transactions, credentials)}
                if credentials
                else {}
            ),
            "archiver": archiver.build(
                transactions=transactions, bus=bus, grace_seconds=settings.grace_seconds
            ),
            "notifier": notifier.build(
                transactions=transactions,
                bus=bus,
                mailer=settings.open_mailer(),
                sender=settings.mail_from,
                url=settings.url,
                feedback=settings.mail_feedback,
            ),
        }
    )
    structlog.get_logger().info("utility_ready")
    try:
        process.run_until_signalled(together)
    finally:
        bus.close()
        transactions.close()
    return 1 if together.broken else 0


if __name__ == "__main__":
    sys.exit(main())
