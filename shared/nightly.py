"""The nightly backup into a place of backups, and the way back out of it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.backup import backup, objects_of
from shared.backup_rotation import name_at
from shared.backup_store import BackupStore, open_place
from shared.settings import Settings


@dataclass(frozen=True)
class Done:
    """A whole backup, the bytes that had to be sent for it, and the old ones that went."""

    name: str
    sent: int
    pruned: list[str]


def nightly(settings: Settings, place: str, *, daily: int, weekly: int) -> Done:
    """A new backup in `place`; then what rotation does not keep goes."""
    store = BackupStore(open_place(place))
    with tempfile.TemporaryDirectory(prefix="toolyard-backup-") as scratch:
        folder = Path(scratch) / "backup"
        manifest = backup(settings, folder, objects=False)
        places = {path: folder / path for path in manifest["files"]}
        # The objects go from where they are, named by their own digest: nothing is copied twice.
        if not settings.objects_url:
            for path, (sha256, at) in objects_of(settings).items():
                manifest["files"][path], places[path] = sha256, at
        name = name_at(manifest["at"])
        sent = store.save(name, manifest, places)
    return Done(name, sent, store.prune(manifest["at"], daily=daily, weekly=weekly))


@contextmanager
def fetched(place: str, name: str | None = None) -> Iterator[Path]:
    """The folder of a backup, the newest unless it is named; gone at the end."""
    store = BackupStore(open_place(place))
    with tempfile.TemporaryDirectory(prefix="toolyard-restore-") as scratch:
        folder = Path(scratch) / "backup"
        store.fetch(name or store.newest(), folder)
        yield folder
