"""One build step as one sandboxed container: its output to the log, its end by itself, by limit or by cancel."""

import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import structlog

from builder_service.build_log import BuildLog
from builder_service.failures import BuildFailed, Cancelled, TimedOut
from builder_service.operator_env import Operator
from builder_service.reason import sentence
from shared.clock import Clock
from shared.containers import Containers, EngineRefused, Exit, Mount, Sandbox
from shared.plan import Network
from shared.quota import Quotas
from shared.work import Limits, Stream
from shared.written import DEEPEST, TooDeep, Written, measure

log = structlog.get_logger()
_LOOK_SECONDS = 0.3
_MEASURE_SECONDS = 5.0
_MEASURE_SHARE = 10
"""Measuring takes at most one such part of a step's time."""
_NO_PROCESS = re.compile(
    r"Cannot fork|fork: (?:retry: )?Resource temporarily|BlockingIOError|spawn \S+ EAGAIN|can't start new thread"
)


@dataclass
class Steps:
    """Runs the steps of one build; `deadline` is on the clock's monotonic time."""

    containers: Containers
    clock: Clock
    log: BuildLog
    limits: Limits
    operator: Operator
    prefix: str
    labels: dict[str, str]
    deadline: float
    ended: Callable[[], bool] = lambda: False
    """Whether somebody asked for the end (cancel, lost lease, drain)."""
    work: Quotas = field(
        default_factory=lambda: Quotas(Path(tempfile.gettempdir(), "toolyard-trials"))
    )
    """Working folders of trials."""
    _written: Written = field(default_factory=Written)
    """By the steps of this plan that have ended."""
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _tidying: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="tidy")
    )
    _untidied: "list[Future[None]]" = field(default_factory=list)

    def check(self) -> None:
        """Raises when the build has to end."""
        if self.ended():
            raise Cancelled
        if self.clock.monotonic() > self.deadline:
            raise TimedOut(
                f"The build did not end within {self.limits.wall_seconds} s. Look at the log for what it waits for."
            )

    def later(self, tidy: Callable[[], None]) -> None:
        """Take away what nobody needs any more while the build goes on."""
        self._untidied.append(self._tidying.submit(tidy))

    def tidied(self) -> None:
        """Returns when all that has gone; what is left by a fault of the engine goes at the builder's next start."""
        self._tidying.shutdown()
        for error in (done.exception() for done in self._untidied):
            if error is not None:
                log.warning("not_tidied", reason=str(error))

    def begin_plan(self) -> None:
        """What an earlier plan has written does not count any more."""
        self._written = Written()

    def next_number(self) -> int:
        """Container names of one build are numbered."""
        return next(self._numbers)

    def run(
        self,
        name: str,
        image: str,
        argv: list[str],
        *,
        env: dict[str, str] | None = None,
        mounts: tuple[Mount, ...] = (),
        as_root: bool = False,
        network: Network | None = None,
        own_tmp: bool = True,
        measured: Path | None = None,
    ) -> str:
        """The name of the container that has exited with 0, to be committed and then removed.

        `measured` is a mounted folder whose bytes count as written too.
        """
        self.check()
        container = f"{self.prefix}-{self.next_number()}"
        sandbox = Sandbox(
            name=container,
            image=image,
            argv=argv,
            kind="build",
            limits=self.limits,
            network=network or Network(mode="internet"),
            env={**self.operator.environment(), **(env or {})},
            labels=self.labels,
            mounts=(*self.operator.mounts(), *mounts),
            workdir="/app",
            read_only=False,
            as_root=as_root,
            own_tmp=own_tmp,
            brief=True,
        )
        self.log.forget_tail()
        try:
            self.containers.create(sandbox)
            exit_ = self._watch(container, measured)
            self._judge(name, exit_)
            self._written += self._measure(container, measured)
        except EngineRefused as error:
            self.containers.remove(container)
            raise BuildFailed(f"The step “{name}” could not be started: {error}") from error
        except BaseException:
            self.containers.remove(container)
            raise
        return container

    def never_started(self, image: str) -> str:
        """The name of a container that is only there to be committed with other settings, and removed."""
        self.check()
        container = f"{self.prefix}-{self.next_number()}"
        self.containers.create(
            Sandbox(
                name=container,
                image=image,
                argv=["true"],
                kind="build",
                limits=self.limits,
                labels=self.labels,
                workdir="/app",
                read_only=False,
            )
        )
        return container

    def _watch(self, container: str, folder: Path | None) -> Exit:
        # asked for before the start: a thread that comes too late finds a log that nobody has written yet
        said = self.containers.output(container)
        reader = threading.Thread(target=self._read, args=(said,), name="step-output", daemon=True)
        reader.start()
        self.containers.start(container)
        look_at = self.clock.monotonic() + _MEASURE_SECONDS
        while True:
            exit_ = self.containers.wait(container, _LOOK_SECONDS)
            if exit_ is not None:
                reader.join(30)
                return exit_
            self.check()
            begun = self.clock.monotonic()
            if begun > look_at:
                self._measure(container, folder)
                took = self.clock.monotonic() - begun
                look_at = begun + max(_MEASURE_SECONDS, _MEASURE_SHARE * took)

    def _measure(self, container: str, folder: Path | None) -> Written:
        """What the step has written; raises when it is too much together with the steps before it."""
        limits = self.limits
        left = Written(limits.disk_bytes, limits.disk_files) - self._written
        try:
            found = self.containers.written(container, left)
            if folder is not None:
                found += measure(folder, left)
        except TooDeep as error:
            raise BuildFailed(
                f"The build made more than {DEEPEST} folders in one another, so nobody can tell what it wrote."
            ) from error
        if found.bytes > left.bytes:
            raise BuildFailed(f"The build wrote more than {_size(limits.disk_bytes)} to disk.")
        if found.files > left.files:
            raise BuildFailed(f"The build made more than {limits.disk_files} files and folders.")
        return found

    def _read(self, said: Iterator[tuple[Stream, bytes]]) -> None:
        for _, data in said:
            self.log.write(data)

    def _judge(self, name: str, exit_: Exit) -> None:
        if exit_.oom:
            raise BuildFailed(
                f"The step “{name}” needed more than {_size(self.limits.memory_bytes)} of memory."
            )
        if exit_.exit_code != 0:
            said = self.log.tail()
            if _NO_PROCESS.search(said):
                raise BuildFailed(
                    f"The step “{name}” wanted more than {self.limits.pids} processes at the same time.",
                    said,
                )
            raise BuildFailed(sentence(name, exit_.exit_code, said), said)


def _size(number: int) -> str:
    return f"{number / (1 << 30):.0f} GiB" if number >= 1 << 30 else f"{number >> 20} MiB"
