"""One sandboxed program: started once, followed to its end, stopped when its time is over."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import structlog

from runner_service.record import Ended, Record, Starting, Stopped
from runner_service.spool import Spool
from shared.containers import ContainerGone, Containers, EngineUnavailable, Exit, Sandbox
from shared.crashpoints import crashpoint
from shared.host import boot_seconds
from shared.stream_order import STREAMS
from shared.work import Stream

log = structlog.get_logger()
Output = Iterator[tuple[Stream, bytes]]
T = TypeVar("T")
_KILLED = frozenset({137, 143})


class ProgramLost(Exception):
    """The program was ended by a fault of the host, not by itself, its limits or us."""


class Program:
    """The container of one attempt; its start and its stop are noted before they happen."""

    def __init__(
        self,
        record: Record,
        sandbox: Sandbox,
        containers: Containers,
        spool: Spool,
        *,
        stop_grace: float,
        engine_patience: float,
        clock: Callable[[], float] = boot_seconds,
    ) -> None:
        self._record = record
        self._sandbox = sandbox
        self._name = sandbox.name
        self._containers = containers
        self._spool = spool
        self._stop_grace = stop_grace
        self._engine_patience = engine_patience
        self._clock = clock
        self._engine_was_away = False
        self._failure: Exception | None = None
        self._first: Output | None = None
        self._all_read = threading.Event()
        self._all_read.set()
        self.deadline = 0.0

    def start(self, *, fresh: bool, before_start: Callable[[], None]) -> None:
        """Create and start it; what a predecessor created or started is taken over as it is."""
        crashpoint("runner.before_container_create")
        if fresh or self._containers.status(self._name) is None:
            self._patiently(lambda: self._containers.create(self._sandbox))
        crashpoint("runner.after_container_create")
        before_start()
        if fresh:  # listening before the start gives the live stream itself
            self._first = self._patiently(lambda: self._containers.output(self._name))
        starting = self._record.read(Starting) or Starting(at=self._clock())
        self._record.write(starting)
        self.deadline = starting.at + self._sandbox.limits.wall_seconds
        crashpoint("runner.before_container_start")
        self._patiently(lambda: self._containers.start(self._name))
        crashpoint("runner.after_container_start")

    def follow(
        self,
        wake: threading.Event,
        wanted: Callable[[], Stopped | None],
        over: Callable[[], None] = lambda: None,
    ) -> Ended:
        """Until the program has ended; `wanted` says whether to stop it, or raises to leave it.

        `over` is called once it has ended: how it did, the engine tells only after it has cleaned up.
        """
        self._all_read.clear()
        threading.Thread(target=self._read, args=(wake,), name="output", daemon=True).start()
        stopped = self._record.read(Stopped)
        if stopped:  # a predecessor wanted it stopped and may not have come to it
            self._patiently(lambda: self._containers.stop(self._name, self._stop_grace))
        while True:
            wish = wanted()
            if wish is None and self._clock() >= self.deadline:
                wish = Stopped(why="timed_out")
            if wish and stopped is None:
                stopped = self._stop(wish)
            if self._all_read.is_set():
                if self._failure:
                    raise self._failure
                over()
                if ended := self._ended(stopped):
                    return ended
            left = max(0.0, self.deadline - self._clock()) if stopped is None else 60.0
            wake.wait(0 if self._all_read.is_set() else min(left, 60.0))
            wake.clear()

    def is_read(self, seconds: float) -> bool:
        """Whether nobody reads its output any more, after at most so long."""
        return self._all_read.wait(seconds)

    def _stop(self, wish: Stopped) -> Stopped | None:
        if self._exit(0):
            return None  # it ended by itself first: its true outcome stands
        self._record.write(wish)
        crashpoint("runner.before_container_stop")
        log.info("program_stopped", why=wish.why)
        self._patiently(lambda: self._containers.stop(self._name, self._stop_grace))
        return wish

    def _ended(self, stopped: Stopped | None) -> Ended | None:
        ended = self._exit(0) or self._exit(1.0)
        if ended is None:
            return None
        if self._engine_was_away and not stopped and not ended.oom and ended.exit_code in _KILLED:
            raise ProgramLost("the container engine was restarted and ended the program")
        return Ended(
            exit_code=ended.exit_code,
            oom=ended.oom,
            seconds=ended.seconds,
            sizes={stream: self._spool.size(stream) for stream in STREAMS},
            incomplete=[stream for stream in STREAMS if self._spool.incomplete(stream)],
            order=self._spool.order(),
        )

    def _exit(self, seconds: float) -> Exit | None:
        try:
            return self._patiently(lambda: self._containers.wait(self._name, seconds))
        except ContainerGone as gone:
            raise ProgramLost("its container vanished from the worker") from gone

    def _read(self, wake: threading.Event) -> None:
        try:
            while not self._read_once():
                self._spool.begin_again()
        except ContainerGone:
            self._failure = ProgramLost("its container vanished from the worker")
        except Exception as error:
            self._failure = error
        finally:
            self._all_read.set()  # told, not seen: a thread is alive a moment longer than its last line
            wake.set()

    def _read_once(self) -> bool:
        """Whether the output was read to its end."""

        def opened() -> Output:
            return self._containers.output(self._name)

        source = self._first or self._patiently(opened)
        self._first = None
        try:
            for stream, data in source:
                self._spool.feed(stream, data)
        except EngineUnavailable as error:
            log.warning("output_interrupted", reason=str(error))
            self._engine_was_away = True
            time.sleep(0.5)
            return False
        return True

    def _patiently(self, call: Callable[[], T]) -> T:
        """Repeat while the engine is away, for a while."""
        until = time.monotonic() + self._engine_patience
        while True:
            try:
                return call()
            except EngineUnavailable as error:
                self._engine_was_away = True
                if time.monotonic() > until:
                    raise
                log.warning("engine_unavailable", reason=str(error))
                time.sleep(1.0)
