"""The parts of the utility process: only those are made that its settings name."""

from collections.abc import Callable

from archiver_service import app as archiver
from notifier import app as notifier
from shared import doorbell
from shared.bus import Bus
from shared.db import Transactions
from shared.objects_open import open_credentials, open_store
from shared.process import Service
from shared.together import Together
from utility import scaling
from utility.settings import PARTS, UtilitySettings
from web import uploads
from web.answering import probe_of
from web.file_hashes import FileHashes
from web.leases import LeaseTimes
from web.reaper import Reaper
from web.relay import Relay
from web.storage_denials import StorageDenials
from web.sweeper import Sweeper
from web.upload_sweeper import UploadSweeper


def build(settings: UtilitySettings, transactions: Transactions, bus: Bus) -> Together:
    """Those that are wanted, and that this installation has work for."""
    store = open_store(settings, settings.secret("signing-key"))
    wake = doorbell.folder_of(settings.data)

    def denials() -> Service | None:
        credentials = open_credentials(settings)
        return StorageDenials(transactions, credentials) if credentials else None

    known: dict[str, Callable[[], Service | None]] = {
        "relay": lambda: Relay(transactions, bus, settings.data),
        "reaper": lambda: Reaper(
            transactions,
            probe=probe_of(settings.url),
            ring=lambda name: doorbell.ring(wake, name),
            times=LeaseTimes(settings.lease_seconds, settings.heartbeat_seconds),
            period=settings.reaper_seconds,
        ),
        "scaler": lambda: scaling.build(settings, transactions),
        "sweeper": lambda: Sweeper(
            transactions,
            store.objects,
            period=settings.sweep_seconds,
            unused_days=settings.unused_file_days,
        ),
        "upload-sweeper": lambda: UploadSweeper(
            transactions,
            uploads.Store(store.objects, store.uploads),
            period=settings.sweep_seconds,
            days=settings.unfinished_upload_days,
        ),
        # the folder store computes whole hashes itself
        "file-hashes": lambda: (
            FileHashes(transactions, store.objects) if settings.objects_url else None
        ),
        "storage-denials": denials,
        "archiver": lambda: archiver.build(
            transactions=transactions, bus=bus, grace_seconds=settings.grace_seconds
        ),
        "notifier": lambda: notifier.as_told(settings, transactions=transactions, bus=bus),
    }
    wanted = settings.utility_parts.split(",")
    made = {name: known[name]() for name in PARTS if name in wanted}
    return Together({name: part for name, part in made.items() if part is not None})
