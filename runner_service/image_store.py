"""The image of a run on this host: fetched from the registry when it is absent, room made for it first."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from runner_service.image_cache import ImageCache
from shared.containers import (
    Containers,
    EngineRefused,
    EngineUnavailable,
    ImageGone,
    RegistryUnavailable,
)
from shared.control import through_outages
from shared.images import repository_of
from shared.work import ImageAccess, RunAssignment

log = structlog.get_logger()

_PULL_SECONDS = 600.0
_PAUSE_SECONDS = 5.0
_LOOK_SECONDS = 10.0


class NoRoom(Exception):
    """The image does not fit on this worker's disk; the text says by how much."""


class ImageStore:
    """Shared by the runs of one process."""

    def __init__(
        self,
        containers: Containers,
        access: Callable[[RunAssignment], ImageAccess | None],
        notes: Path,
        *,
        percent: float,
        seconds: float = _PULL_SECONDS,
    ) -> None:
        """`percent`: how full the engine's disk may be with the image on it."""
        self._containers = containers
        self._access = access
        self._cache = ImageCache(containers, notes, percent=percent)
        self._seconds = seconds
        self._look_again = 0.0

    def ensure(
        self,
        lease: RunAssignment,
        *,
        say: Callable[[str], None],
        check: Callable[[], None],
        give_up: threading.Event,
    ) -> None:
        """Returns when the image is here.

        Raises `ImageGone` when nobody has it any more, `RegistryUnavailable`, `NoRoom`, and what
        `check` raises.
        """
        if not repository_of(lease.image):
            return  # it is on this engine, or gone
        self._cache.note_use(lease.image)
        if self._containers.image_id(lease.image) is not None:
            return
        say("pulling the image")
        self._fetch(lease, check, give_up)

    def make_room(self) -> None:
        """The disk is nearly full: images that no run uses go, least recently used first; not at each call."""
        now = time.monotonic()
        if now >= self._look_again:
            self._look_again = now + _LOOK_SECONDS
            try:
                self._cache.make_room(0)
            except (EngineUnavailable, EngineRefused, OSError) as error:
                log.warning("no_room_made", reason=str(error))  # the next look may do better

    def _fetch(
        self, lease: RunAssignment, check: Callable[[], None], give_up: threading.Event
    ) -> None:
        until = time.monotonic() + self._seconds
        while True:
            access = through_outages(lambda: self._access(lease), stop=give_up)
            if access is None:
                raise ImageGone(lease.image)
            if missing := self._cache.make_room(access.image_bytes):
                raise NoRoom(
                    f"The image needs {access.image_bytes >> 20} MiB, and the worker's disk has "
                    f"{missing >> 20} MiB too little for it."
                )
            begun = time.monotonic()
            try:
                self._containers.fetch_image(
                    lease.image, access, seconds=max(1.0, until - time.monotonic()), check=check
                )
            except RegistryUnavailable as error:
                log.warning("image_not_pulled", image=lease.image, reason=str(error))
                if time.monotonic() + _PAUSE_SECONDS > until or give_up.wait(_PAUSE_SECONDS):
                    raise
                check()
                continue
            took = time.monotonic() - begun
            log.info("image_pulled", image=lease.image, seconds=round(took, 2))
            return
