"""A builder from its ports: clear what a predecessor left, then build what is requested."""

import shutil
import threading
from functools import partial

import structlog

from builder_service import on_build_requested
from builder_service.collection import Collector
from builder_service.one_build import OneBuild
from builder_service.previewer import Previewer
from builder_service.settings import BuilderSettings
from builder_service.workshop import Workshop
from shared import safe_host
from shared.bus import Bus
from shared.consumer import Consumer
from shared.directives import Directives
from shared.safe_host import Unsafe
from shared.seldom import Seldom
from shared.slots import Slots
from shared.work import BuildAssignment

log = structlog.get_logger()
_HAND_BACK_SECONDS = 20.0


class Builder:
    """One worker process: `run` returns after `stop`, once its builds are done or handed back."""

    def __init__(
        self,
        settings: BuilderSettings,
        workshop: Workshop,
        bus: Bus,
        unsafe: Unsafe = lambda: "",
    ) -> None:
        self._settings = settings
        self._unsafe = unsafe
        self._workshop = workshop
        self._live: dict[tuple[str, int], OneBuild] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._retiring = threading.Event()
        self._disk_is_told = Seldom()
        self._directives = Directives(workshop.control, "build", self.building)
        self._collector = Collector(
            workshop.containers,
            workshop.control,
            workshop.state,
            percent=settings.image_disk_percent,
            period=settings.image_check_seconds,
            busy=lambda: bool(self.building()),
        )
        self._previewer = Previewer(workshop, bus, settings.preview_slots)
        self._slots = Slots(settings.builder_slots, changed=self._slot_is_free)
        self._consumer = Consumer(
            bus,
            "builder",
            {
                "BuildRequested": partial(
                    on_build_requested.handle,
                    control=workshop.control,
                    slots=self._slots,
                    begin=self.begin,
                )
            },
            slots=settings.builder_slots,
            free_slots=self.free_slots,
        )

    def run(self) -> None:
        """Blocks until `stop`, then drains."""
        self.clear()
        safe_host.wait(self._unsafe, self._stopping)
        self._directives.begin()
        self._previewer.begin()
        threading.Thread(target=self._collector.run, name="images", daemon=True).start()
        log.info(
            "builder_ready",
            worker=self._workshop.control.worker,
            slots=self._settings.builder_slots,
        )
        self._consumer.run()
        self._drain()

    def stop(self) -> None:
        """Claim nothing more; safe in a signal handler."""
        self._retiring.clear()
        self._stopping.set()
        self._consumer.stop()
        self._previewer.stop()

    def leave_if_idle(self) -> None:
        """End for good, unless there is a build or a look here; what was claimed at this moment is finished."""
        if self._stopping.is_set() or self.building() or self._previewer.is_busy():
            return
        self._retiring.set()
        self._stopping.set()
        self._consumer.stop()
        self._previewer.stop()

    def clear(self) -> None:
        """Remove what a killed predecessor on this host left: builds are begun again, not adopted."""
        containers = self._workshop.containers
        for kind in ("build", "run"):
            for status in containers.list({"place": str(self._workshop.place), "kind": kind}):
                log.warning("orphan_removed", container=status.name)
                containers.remove(status.name)
        trials = self._workshop.trials
        for name in trials.names():
            trials.remove(name)
        trials.tidy()
        shutil.rmtree(self._workshop.place / "builds", ignore_errors=True)

    def building(self) -> list[OneBuild]:
        with self._lock:
            return list(self._live.values())

    def free_slots(self) -> int:
        """None while the disk is nearly full."""
        if self._used() >= self._settings.builder_disk_full:
            if self._disk_is_told():
                log.warning("disk_nearly_full", used=round(self._used(), 3))
            return 0
        return self._slots.free()

    def begin(self, assignment: BuildAssignment) -> None:
        """Begin a claimed build in the slot that was taken for it."""
        build = OneBuild(self._workshop, assignment)
        with self._lock:
            self._live[(build.id, build.fence)] = build
        self._directives.job_has_begun()

        def live() -> None:
            try:
                build.live()
            finally:
                with self._lock:
                    del self._live[(build.id, build.fence)]
                self._collector.look()

        self._slots.begin(live, name=assignment.id)

    def _used(self) -> float:
        disk = shutil.disk_usage(self._workshop.state)
        return disk.used / (disk.used + disk.free)

    def _slot_is_free(self) -> None:
        self._consumer.wake()

    def _drain(self) -> None:
        log.info("builder_draining", builds=len(self.building()))
        while self._retiring.is_set():
            if self._slots.wait_empty(1.0) and not self._previewer.is_busy():
                log.info("builder_retired")
                break
        self._previewer.close()
        if not self._slots.wait_empty(self._settings.builder_drain_seconds):
            for build in self.building():
                build.hand_back()
            self._slots.wait_empty(_HAND_BACK_SECONDS)
        self._directives.close()
        self._collector.stop()
        log.info("builder_drained")
