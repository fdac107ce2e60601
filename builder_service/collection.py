"""What builds leave behind goes when the engine's disk fills: kept steps first, then tools' images that nobody needs."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import structlog

from builder_service import old_notes
from builder_service.kept import STEP_TAG
from builder_service.publish_image import tag_of
from builder_service.steps import BUILD_TAG
from shared.containers import Containers, EngineRefused, EngineUnavailable, Storage
from shared.control import Refused, Unavailable
from shared.images import repository_of
from shared.work import KeptImage

log = structlog.get_logger()

_WHILE_FULL_SECONDS = 30.0


class Web(Protocol):
    """What web is asked and told, a part of `shared.control.Control`."""

    def images_to_collect(self, bytes_wanted: int, kept: list[str]) -> list[KeptImage]: ...

    def images_collected(self, images: list[KeptImage]) -> None: ...


def bytes_over(storage: Storage, percent: float) -> int:
    """How much must go until at most `percent` of the disk is used; 0 when there is room."""
    return max(0, storage.used - int(storage.total * percent / 100))


class Collector:
    """One loop beside the builds; looks every `period` seconds and after each build."""

    def __init__(
        self,
        containers: Containers,
        web: Web,
        state: Path,
        *,
        percent: float,
        period: float,
        busy: Callable[[], bool],
    ) -> None:
        """`busy`: whether a build of this process stands on kept steps just now."""
        self._containers = containers
        self._web = web
        self._state = state
        self._used = state / "used"
        self._percent = percent
        self._period = period
        self._busy = busy
        self._wake = threading.Event()
        self._stopping = threading.Event()

    def run(self) -> None:
        """Blocks until `stop`."""
        while not self._stopping.is_set():
            self._wake.clear()
            room = True
            try:
                old_notes.forget(self._state)
                room = self.collect()
            except (Unavailable, Refused, EngineUnavailable, EngineRefused) as error:
                log.warning("images_not_collected", reason=str(error))
            except Exception:
                log.exception("collection_failed")
            self._wake.wait(self._period if room else min(self._period, _WHILE_FULL_SECONDS))

    def look(self) -> None:
        """A build has ended: there may be more than before."""
        self._wake.set()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()

    def collect(self) -> bool:
        """Remove what can go; whether there is room now."""
        if not self._over():
            return True
        if not self._busy():
            self._collect_steps()
        stuck: list[str] = []
        while (over := self._over()) and not self._stopping.is_set():
            offered = self._web.images_to_collect(over, stuck)
            if not offered:
                break
            gone = [image for image in offered if self._remove(image)]
            self._web.images_collected(gone)
            # One that a registry keeps would be offered again.
            stuck += [
                image.identity
                for image in offered
                if image not in gone or repository_of(image.image)
            ]
            log.info("images_collected", count=len(gone), stuck=len(stuck))
            if len(stuck) > 900:
                break
        return not self._over()

    def _over(self) -> int:
        return bytes_over(self._containers.storage(), self._percent)

    def _remove(self, image: KeptImage) -> bool:
        """Whether this host has it no longer; one that a container uses stays."""
        tag = f"{BUILD_TAG}:{image.identity}"
        if self._containers.image_id(tag) is not None:
            self._containers.remove_image(tag)
            if self._containers.image_id(tag) is not None:
                return False
        if repository := repository_of(image.image):
            self._containers.remove_image(f"{repository}:{tag_of(image.identity)}")
            self._containers.remove_image(image.image)
        self._note(tag).unlink(missing_ok=True)
        return True

    def _collect_steps(self) -> None:
        """Least recently used first; those below a tool's image lose their name now, their bytes with it."""
        notes = [path for path in self._used.glob(f"{STEP_TAG}@*") if path.is_file()]
        removed = 0
        for path in sorted(notes, key=lambda path: path.stat().st_mtime):
            if self._busy() or not self._over():
                break
            self._containers.remove_image(path.name.replace("@", ":"))
            path.unlink(missing_ok=True)
            removed += 1
        if removed:
            log.info("steps_collected", count=removed)

    def _note(self, tag: str) -> Path:
        return self._used / tag.replace(":", "@")
