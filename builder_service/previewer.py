"""Looks at repositories beside the builds, in slots of their own: a look is answered while a build runs."""

import hashlib
import shutil
import threading
from functools import partial

import structlog

from builder_service import on_preview_requested
from builder_service.one_preview import OnePreview
from builder_service.workshop import Workshop
from shared.bus import Bus
from shared.consumer import Consumer
from shared.slots import Slots
from shared.work import PreviewAssignment

log = structlog.get_logger()
_STOP_SECONDS = 5.0


class Previewer:
    """`begin` starts its thread; `close` hands back what is not done and returns."""

    def __init__(self, workshop: Workshop, bus: Bus, slots: int) -> None:
        self._workshop = workshop
        self._folder = workshop.place / "previews"
        self._live: dict[str, OnePreview] = {}
        self._lock = threading.Lock()
        self._slots = Slots(slots, changed=self._slot_is_free)
        self._consumer = Consumer(
            bus,
            "previewer",
            {
                "PreviewRequested": partial(
                    on_preview_requested.handle,
                    control=workshop.control,
                    slots=self._slots,
                    begin=self.look,
                )
            },
            slots=slots,
            free_slots=self._slots.free,
        )
        self._thread = threading.Thread(target=self._consumer.run, name="previews", daemon=True)

    def begin(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)  # a killed predecessor's clones
        self._thread.start()

    def stop(self) -> None:
        """Claim nothing more; safe in a signal handler."""
        self._consumer.stop()

    def is_busy(self) -> bool:
        with self._lock:
            return bool(self._live)

    def close(self) -> None:
        self._consumer.stop()
        self._thread.join()
        with self._lock:
            live = list(self._live.values())
        for one in live:
            one.hand_back()
        self._slots.wait_empty(_STOP_SECONDS)

    def look(self, assignment: PreviewAssignment) -> None:
        """Begin a claimed look in the slot that was taken for it."""
        key = f"{assignment.id}/{assignment.attempt}"
        preview = OnePreview(
            assignment,
            self._workshop.control,
            self._workshop.source,
            self._folder / hashlib.sha256(key.encode()).hexdigest()[:16],
            self._workshop.clock,
        )
        with self._lock:
            self._live[key] = preview

        def live() -> None:
            try:
                preview.live()
            finally:
                with self._lock:
                    del self._live[key]

        self._slots.begin(live, name=assignment.id)

    def _slot_is_free(self) -> None:
        self._consumer.wake()
