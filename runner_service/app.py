"""A runner from its ports: adopt what a predecessor left, then run what is requested."""

import shutil
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

from runner_service import on_run_requested
from runner_service.image_store import ImageStore
from runner_service.one_run import OneRun, Patience
from runner_service.record import Finished, Record
from runner_service.settings import RunnerSettings
from runner_service.work_folders import WorkFolders
from shared import safe_host
from shared.bus import Bus
from shared.consumer import Consumer
from shared.containers import Containers, EngineUnavailable
from shared.control import Control
from shared.directives import Directives
from shared.place import Place
from shared.safe_host import Unsafe
from shared.seldom import Seldom
from shared.slots import Slots
from shared.work import RunAssignment

log = structlog.get_logger()


class Runner:
    """One worker process: `run` returns after `stop`, once drained."""

    def __init__(
        self,
        settings: RunnerSettings,
        place: Place,
        boot: str,
        *,
        bus: Bus,
        control: Control,
        containers: Containers,
        work: WorkFolders,
        patience: Patience | None = None,
        own_files: bool = True,
        unsafe: Unsafe = lambda: "",
        images: ImageStore | None = None,
    ) -> None:
        self._settings = settings
        self._place = place
        self._boot = boot
        self._control = control
        self._containers = containers
        self._work = work
        self._patience = patience or Patience(silence=settings.runner_silence_seconds)
        self._own_files = own_files
        self._unsafe = unsafe
        self._images = images
        self._stopping = threading.Event()
        self._retiring = threading.Event()
        self._disk_is_told = Seldom()
        self._live: dict[str, OneRun] = {}
        self._lock = threading.Lock()
        # Results of as many ended programs may be on their way while the next ones run.
        self._slots = Slots(
            settings.runner_slots, changed=self._slot_is_free, trailing=settings.runner_slots
        )
        self._directives = Directives(control, "run", self.running)
        self._consumer = Consumer(
            bus,
            "runner",
            {
                "RunRequested": partial(
                    on_run_requested.handle,
                    control=control,
                    slots=self._slots,
                    begin=self.begin,
                )
            },
            slots=settings.runner_slots,
            free_slots=self.free_slots,
        )

    def run(self) -> None:
        """Blocks until `stop`, then drains."""
        self._directives.begin()
        self.adopt()
        safe_host.wait(self._unsafe, self._stopping)
        log.info("runner_ready", worker=self._control.worker, slots=self._settings.runner_slots)
        self._consumer.run()
        self._drain()

    def stop(self) -> None:
        """Claim nothing more; safe in a signal handler."""
        self._retiring.clear()
        self._stopping.set()
        self._consumer.stop()

    def leave_if_idle(self) -> None:
        """End for good, unless there is a run here; one that was claimed at this moment is lived to its end."""
        if self._stopping.is_set() or self.running():
            return
        self._retiring.set()
        self._stopping.set()
        self._consumer.stop()

    def running(self) -> list[OneRun]:
        with self._lock:
            return list(self._live.values())

    def free_slots(self) -> int:
        """None while the disk is nearly full: staging and spooling would only make it worse."""
        disk = shutil.disk_usage(self._place.folder)
        if disk.used >= self._settings.runner_disk_full * (disk.used + disk.free):
            if self._disk_is_told():
                log.warning("disk_nearly_full", used=disk.used, free=disk.free)
            if self._images is not None:
                self._images.make_room()
            return 0
        return self._slots.free()

    def adopt(self) -> None:
        """Go on with what a predecessor on this host left; remove containers that nobody remembers."""
        self._work.tidy()
        records = list(Record.left(self._runs))
        known = {record.container for record in records}
        try:
            self._remove_orphans(known)
        except EngineUnavailable as error:
            log.warning("orphans_not_looked_for", reason=str(error))
        for record in records:
            finished = record.read(Finished) is not None
            log.info("run_adopted", run_id=record.assignment.id, finished=finished)
            self._slots.take(beyond=True)
            self._begin(record, adopted=True)

    def _remove_orphans(self, known: set[str]) -> None:
        for status in self._containers.list({"place": self._label, "kind": "run"}):
            if status.name not in known:
                log.warning("orphan_removed", container=status.name)
                self._containers.remove(status.name)
                self._work.remove(status.name)

    def begin(self, assignment: RunAssignment) -> None:
        """Begin a claimed run in the slot that was taken for it."""
        record = Record.create(self._runs, assignment, self._boot)
        self._begin(record, adopted=False)

    @property
    def _runs(self) -> Path:
        return self._place.folder / "runs"

    @property
    def _label(self) -> str:
        return f"{self._place.folder}"

    def _begin(self, record: Record, *, adopted: bool) -> None:
        run = OneRun(
            record,
            control=self._control,
            containers=self._containers,
            work=self._work,
            patience=self._patience,
            boot=self._boot,
            labels={"place": self._label},
            own_files=self._own_files,
            adopted=adopted,
            images=self._images,
        )
        with self._lock:
            self._live[record.container] = run
        self._directives.job_has_begun()

        def live(program_over: Callable[[], None]) -> None:
            try:
                run.live(program_over)
            finally:
                with self._lock:
                    del self._live[record.container]

        self._slots.begin_leaving(live, name=record.assignment.id)

    def _slot_is_free(self) -> None:
        self._consumer.wake()

    def _drain(self) -> None:
        log.info("runner_draining", runs=len(self.running()))
        while self._retiring.is_set():
            if self._slots.wait_empty(1.0):
                log.info("runner_retired", runs=len(self.running()))
                break
        if self._slots.wait_empty(self._settings.runner_drain_seconds):
            log.info("runner_drained")
        elif self._settings.runner_leave == "released":
            for run in self.running():
                run.hand_back()
            self._slots.wait_empty(self._patience.stop_grace + 20.0)
        else:
            log.info("runs_left_for_successor", runs=[run.id for run in self.running()])
        self._directives.close()
