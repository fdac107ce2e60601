"""The life of one run under its lease, from staged inputs to the accepted report.

Each step leaves a marker in the state folder, so that a successor goes on where this process died.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

import structlog

from runner_service.image_store import ImageStore, NoRoom
from runner_service.lease_keeper import LeaseKeeper
from runner_service.outputs import Outputs
from runner_service.program import Program, ProgramLost
from runner_service.publish import Publisher
from runner_service.record import Ended, Finished, Record, Staged, Stopped
from runner_service.reporter import Reporter
from runner_service.repository_copy import copy_repository, copying_name, noted
from runner_service.spool import Spool
from runner_service.staging import CannotStage, stage, stage_stdin
from runner_service.verdict import Verdict, judge
from runner_service.work_folders import WorkFolders
from shared import logs, tracing
from shared.containers import (
    Containers,
    EngineRefused,
    EngineUnavailable,
    Exit,
    ImageGone,
    Mount,
    NetworkRefused,
    RegistryUnavailable,
    Sandbox,
)
from shared.control import Control, Lost, Refused, Unavailable, through_outages
from shared.crashpoints import crashpoint
from shared.heartbeats import SILENCE_SECONDS
from shared.quota import QuotaUnavailable
from shared.work import InputFile, PastPhase, Release, RunReport

log = structlog.get_logger()
_TAIL = 8192
_IMAGE_GONE = "image gone"
"""How web knows that it has to build the version again first."""


@dataclass(frozen=True)
class Patience:
    """How long things may take that are not the program's own time; seconds."""

    silence: float = SILENCE_SECONDS
    """Without any answer of web a running program is ended only after this."""
    stop_grace: float = 10.0
    engine: float = 600.0
    """How long the container engine may be away."""


class _Cancelled(Exception):
    """Cancelled before the program was started."""


class _HandedBack(Exception):
    """Given back to the queue, unfinished."""


class OneRun:
    """One attempt; `live` returns when nothing of it is left on this host."""

    def __init__(
        self,
        record: Record,
        *,
        control: Control,
        containers: Containers,
        work: WorkFolders,
        patience: Patience,
        boot: str,
        labels: dict[str, str] | None = None,
        own_files: bool = True,
        adopted: bool = False,
        images: ImageStore | None = None,
    ) -> None:
        """`images`: where absent ones come from; None: only what is on this engine can be run."""
        self._record = record
        self._images = images
        self._lease = record.assignment
        self._asked_by = tracing.current()
        self._control = control
        self._containers = containers
        self._work = work
        self._patience = patience
        self._boot = boot
        self._labels = labels or {}
        self._own_files = own_files
        self._adopted = adopted
        self._give_up = threading.Event()
        self._wake = threading.Event()
        self._cancel = False
        self._hand_back = False
        self._program: Program | None = None
        self._program_over: Callable[[], None] = lambda: None
        self._spool = Spool(record.folder, self._lease.limits.log_bytes)
        self._keeper = LeaseKeeper(record, control, self.direct, silence_seconds=patience.silence)
        self._reporter = Reporter(self._lease, control, self._spool, self._lose, self._give_up)

    @property
    def id(self) -> str:
        return self._lease.id

    @property
    def fence(self) -> int:
        return self._lease.fence

    def direct(self, directive: str) -> None:
        """What web wants; may come several times and from any thread."""
        if directive == "lost":
            self._lose()
        elif directive == "cancel":
            self._cancel = True
            self._wake.set()

    def hand_back(self) -> None:
        """End it without a result; another worker will run it again."""
        self._hand_back = True
        self._wake.set()

    def live(self, program_over: Callable[[], None] = lambda: None) -> None:
        """`program_over` is called, perhaps twice, when only its results have still to be kept."""
        self._program_over = program_over
        with (
            logs.bound(run_id=self._lease.id, attempt=self._lease.attempt),
            tracing.inside(self._asked_by),
        ):
            try:
                self._live()
            finally:
                self._give_up.set()
                self._spool.end()
                self._reporter.flush()
                # a reader that hangs in the engine must not write into a descriptor of somebody else
                if self._program is None or self._program.is_read(10.0):
                    self._spool.close()

    def _live(self) -> None:
        if self._record.read(Finished) is None:
            if self._adopted:
                self._keeper.begin_with_a_beat()
            else:
                self._keeper.begin()
            self._reporter.begin()
            try:
                with tracing.span("run", run=self.id, fence=self.fence) as span:
                    why = self._run()
                    tracing.note(span, "state", why if " " not in why else "released")
            finally:
                self._keeper.close()
            self._record.write(Finished(why=why))
        else:
            self._reporter.begin()
        crashpoint("runner.before_cleanup")
        until = time.monotonic() + self._patience.engine
        while True:
            try:
                return clean_up(self._record, self._containers, self._work)
            except EngineUnavailable as error:
                if time.monotonic() > until:
                    raise
                log.warning("engine_unavailable", reason=str(error))
                time.sleep(1.0)

    def _run(self) -> str:
        """Why nothing more is to be done for this attempt."""
        try:
            report = self._record.read(RunReport) or self._report()
            self._record.write(report)
            crashpoint("runner.before_finish")
            with tracing.span("finish", run=self.id, state=report.state):
                self._patiently_finish(report)
            crashpoint("runner.after_finish")
            log.info("run_finished", state=report.state, exit_code=report.exit_code)
            return report.state
        except (Lost, Unavailable):  # Unavailable: told to give up while waiting
            log.warning("run_lost")
            return "lost"
        except _HandedBack:
            return self._release("the worker is being shut down", costs_attempt=False)
        except ImageGone:
            return self._release(f"{_IMAGE_GONE}: {self._lease.image} is not on this worker")
        except (NoRoom, QuotaUnavailable) as error:
            return self._release(str(error))
        except RegistryUnavailable as error:
            return self._release(f"the image could not be pulled: {error}")
        except EngineUnavailable as error:
            return self._release(f"the container engine of the worker was away: {error}")
        except ProgramLost as error:
            return self._release(str(error))
        except Refused as error:
            return self._release(f"web or the object store refused a call of the worker: {error}")
        except Exception as error:
            log.exception("run_broken")
            return self._release(f"an error of the worker: {type(error).__name__}")

    def _report(self) -> RunReport:
        try:
            ended = self._record.read(Ended) or self._execute()
        except _Cancelled:
            return self._without_result("cancelled", "cancelled before it was started")
        except (CannotStage, EngineRefused, NetworkRefused) as error:
            return self._without_result("failed", str(error))
        self._keeper.program_has_ended()
        self._program_over()
        self._reporter.phase("finalizing")
        with tracing.span("finalizing", run=self.id):
            return self._finalized(ended)

    def _finalized(self, ended: Ended) -> RunReport:
        verdict = self._verdict(ended)
        outputs = Outputs(
            self._record.read(Staged) or Staged(files={}),
            max_files=self._lease.limits.output_files,
            max_bytes=self._lease.limits.disk_bytes,
        )
        found = outputs.walk(self._work.path(self._record.container))
        publisher = Publisher(self._lease, self._control, self._give_up)
        manifest, contents = publisher.publish(
            self._spool, ended, found, outputs.skipped, self._record.folder
        )
        untold = self._end_live_log()
        return RunReport(
            fence=self._lease.fence,
            state=verdict.state,
            exit_code=verdict.exit_code,
            signal=verdict.signal,
            oom=verdict.oom,
            reason=verdict.reason,
            seconds=ended.seconds,
            manifest=manifest,
            contents=contents,
            untold=untold,
        )

    def _execute(self) -> Ended:
        """Stage, start and follow, each unless it was done before."""
        self._check()
        if self._record.boot != self._boot:
            raise ProgramLost("the worker's host was restarted")
        if self._record.read(Staged) is None:
            with tracing.span("staging", run=self.id):
                self._pull()
                self._stage()
        self._check()
        self._reporter.phase("starting")
        program = self._program = Program(
            self._record,
            self._sandbox(),
            self._containers,
            self._spool,
            stop_grace=self._patience.stop_grace,
            engine_patience=self._patience.engine,
        )
        with tracing.span("starting", run=self.id):
            program.start(fresh=not self._adopted, before_start=self._check)
        self._keeper.deadline(program.deadline)
        self._reporter.phase("running")
        with tracing.span("running", run=self.id) as span:
            ended = program.follow(self._wake, self._wanted, self._program_over)
            tracing.note(span, "exit_code", ended.exit_code)
        self._record.write(ended)
        crashpoint("runner.after_exit")
        return ended

    def _pull(self) -> None:
        """The image is here when this returns."""
        if self._images is not None:
            self._images.ensure(
                self._lease, say=self._staging, check=self._check, give_up=self._give_up
            )

    def _staging(self, detail: str) -> None:
        """Told at once, for whoever watches; it need not arrive."""
        with suppress(Unavailable, Refused):
            self._control.phase("run", self._lease, "staging", detail)

    def _stage(self) -> None:
        self._reporter.phase("staging")
        limits = self._lease.limits
        crashpoint("runner.before_staging")
        self._work.remove(self._record.container)  # of a predecessor that died while staging
        folder = self._work.make(self._record.container, limits.disk_bytes, limits.output_files)
        repository = Staged(files={})
        if self._lease.start == "repository":
            copy_repository(self._sandbox(), self._containers, self._check)
            repository = noted(folder)
        staged = stage(
            self._lease.inputs,
            folder,
            self._fetch,
            own=self._own_files,
            replaces=[*repository.files, *repository.links],
        )
        staged = Staged(files={**repository.files, **staged.files}, links=repository.links)
        if self._lease.stdin:
            stage_stdin(self._lease.stdin, self._record.folder / "stdin", self._fetch)
        crashpoint("runner.after_staging")
        self._record.write(staged)

    def _fetch(self, wanted: InputFile, file: BinaryIO) -> str:
        def once() -> str:
            file.seek(0)
            file.truncate()
            return self._control.get(wanted.url, file, max_bytes=wanted.size)

        self._check()
        return through_outages(once, stop=self._give_up)

    def _sandbox(self) -> Sandbox:
        name = self._record.container
        return Sandbox(
            name=name,
            image=self._lease.image,
            argv=self._lease.argv,
            kind="run",
            limits=self._lease.limits,
            network=self._lease.network,
            env=self._lease.env,
            labels=self._labels
            | {
                "run": self._lease.id,
                "attempt": self._lease.attempt,
                "fence": str(self._lease.fence),
                "boot": self._record.boot,
            },
            mounts=(Mount(self._work.path(name), "/work"),),
            stdin=self._record.folder / "stdin" if self._lease.stdin else None,
        )

    def _wanted(self) -> Stopped | None:
        """Asked again and again while the program runs."""
        if self._give_up.is_set():
            raise Lost
        if self._hand_back:
            raise _HandedBack
        return Stopped(why="cancelled") if self._cancel else None

    def _check(self) -> None:
        if self._wanted():
            raise _Cancelled

    def _verdict(self, ended: Ended) -> Verdict:
        stopped = self._record.read(Stopped)
        return judge(
            Exit(ended.exit_code, ended.oom, ended.seconds),
            stopped.why if stopped else None,
            self._lease.limits,
            self._lease.network,
            self._spool.tail(_TAIL),
        )

    def _without_result(self, state: str, reason: str) -> RunReport:
        self._keeper.program_has_ended()
        return RunReport.model_validate(
            {"fence": self._lease.fence, "state": state, "reason": reason}
        )

    def _end_live_log(self) -> list[PastPhase]:
        self._spool.end()
        untold = self._reporter.enough()
        if self._give_up.is_set():
            raise Lost
        return untold

    def _patiently_finish(self, report: RunReport) -> None:
        through_outages(
            lambda: self._control.finish("run", self._lease, report), stop=self._give_up
        )

    def _release(self, reason: str, *, costs_attempt: bool = True) -> str:
        log.warning("run_released", reason=reason)
        release = Release(fence=self._lease.fence, reason=reason, costs_attempt=costs_attempt)
        try:
            self._containers.stop(self._record.container, 0)
            through_outages(
                lambda: self._control.release("run", self._lease, release), stop=self._give_up
            )
        except (Lost, Unavailable, Refused, EngineUnavailable) as error:
            log.warning("release_unanswered", reason=str(error))  # the lease will run out
        return "released"

    def _lose(self) -> None:
        self._give_up.set()
        self._wake.set()


def clean_up(record: Record, containers: Containers, work: WorkFolders) -> None:
    """Container, network, working folder, and the memory of them last."""
    if record.assignment.start == "repository":
        containers.remove(copying_name(record.container))
    containers.remove(record.container)
    crashpoint("runner.after_container_remove")
    work.remove(record.container)
    record.remove()
