"""Pulled images are copies: the least recently used go when the engine's disk fills; all runners of a host share the notes."""

import hashlib
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from shared.containers import Containers

log = structlog.get_logger()

_FRESH_SECONDS = 120.0
"""An image that was asked for so lately may not have its container yet."""


class ImageCache:
    """A note for each pulled image: its reference, and by the file's time when it was last used."""

    def __init__(
        self,
        containers: Containers,
        notes: Path,
        *,
        percent: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._containers = containers
        self._notes = notes
        self._percent = percent
        self._now = now

    def note_use(self, image: str) -> None:
        """It is wanted now."""
        self._notes.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(image.encode()).hexdigest()
        new = self._notes / f".{name}.{secrets.token_hex(4)}"
        new.write_text(image)
        new.rename(self._notes / name)  # whole at once: another runner of this host may read it now

    def make_room(self, wanted: int) -> int:
        """Free space for so many bytes more; how many are missing after all, 0 when it is enough."""
        missing = self._over(wanted)
        if missing == 0:
            return 0
        for used_at, note in self._oldest_first():
            if self._now() - used_at < _FRESH_SECONDS:
                break
            self._remove(note)
            missing = self._over(wanted)
            if missing == 0:
                break
        return self._missing(wanted)

    def _over(self, wanted: int) -> int:
        """Bytes above the mark with the wanted ones on the disk."""
        storage = self._containers.storage()
        return max(0, storage.used + wanted - int(storage.total * self._percent / 100))

    def _missing(self, wanted: int) -> int:
        """Bytes that do not fit at all: above the mark is still better than no run."""
        storage = self._containers.storage()
        return max(0, wanted - (storage.total - storage.used)) if wanted else 0

    def _oldest_first(self) -> list[tuple[float, Path]]:
        """Time of the last use and note; other runners of this host may take notes away meanwhile."""
        found = []
        for path in self._notes.glob("[!.]*"):
            with suppress(FileNotFoundError):
                found.append((path.stat().st_mtime, path))
        return sorted(found)

    def _remove(self, note: Path) -> None:
        try:
            image = note.read_text()
        except FileNotFoundError:
            return
        self._containers.remove_image(image)
        if self._containers.image_id(image) is None:
            note.unlink(missing_ok=True)
            log.info("image_dropped", image=image)
