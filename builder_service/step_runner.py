"""One build step as one sandboxed container: its output to the log, its end by itself, by limit or by cancel."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from builder_service.build_log import BuildLog
from builder_service.failures import BuildFailed, Cancelled, TimedOut
from builder_service.operator_env import Operator
from shared.clock import Clock
from shared.containers import Containers, EngineRefused, Exit, Mount, Sandbox
from shared.plan import Network
from shared.work import Limits

_LOOK_SECONDS = 0.3
_MEASURE_SECONDS = 5.0


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
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def check(self) -> None:
        """Raises when the build has to end."""
        if self.ended():
            raise Cancelled
        if self.clock.monotonic() > self.deadline:
            raise TimedOut(
                f"The build did not end within {self.limits.wall_seconds} s. Look at the log for what it waits for."
            )

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
        )
        self.log.forget_tail()
        try:
            self.containers.create(sandbox)
            exit_ = self._watch(container, measured)
            self._judge(name, exit_)
        except EngineRefused as error:
            self.containers.remove(container)
            raise BuildFailed(f"The step “{name}” could not be started: {error}") from error
        except BaseException:
            self.containers.remove(container)
            raise
        return container

    def _watch(self, container: str, folder: Path | None) -> Exit:
        reader = threading.Thread(
            target=self._read, args=(container,), name="step-output", daemon=True
        )
        reader.start()
        self.containers.start(container)
        measured = self.clock.monotonic()
        while True:
            exit_ = self.containers.wait(container, _LOOK_SECONDS)
            if exit_ is not None:
                reader.join(30)
                return exit_
            self.check()
            if self.clock.monotonic() - measured > _MEASURE_SECONDS:
                measured = self.clock.monotonic()
                written = self.containers.written_bytes(container)
                if written + _bytes_in(folder) > self.limits.disk_bytes:
                    raise BuildFailed(
                        f"The build wrote more than {self.limits.disk_bytes / (1 << 30):.0f} GiB to disk."
                    )

    def _read(self, container: str) -> None:
        for _, data in self.containers.output(container):
            self.log.write(data)

    def _judge(self, name: str, exit_: Exit) -> None:
        if exit_.oom:
            raise BuildFailed(
                f"The step “{name}” needed more than {self.limits.memory_bytes / (1 << 30):.0f} GiB of memory."
            )
        if exit_.exit_code != 0:
            said = self.log.tail()
            raise BuildFailed(sentence(name, exit_.exit_code, said), said)


def _bytes_in(folder: Path | None) -> int:
    """What a folder that a container is writing takes of the disk, links not followed."""
    taken = 0
    for above, _, names in os.walk(folder) if folder else ():
        for name in names:
            with suppress(OSError):
                taken += Path(above, name).lstat().st_blocks * 512
    return taken


def sentence(name: str, exit_code: int, said: str) -> str:
    """Why a step failed, in one sentence with the line that tells most."""
    lines = [
        line.strip() for line in said.splitlines() if line.strip() and not line.startswith("--- ")
    ]
    telling = ("fatal error:", "modulenotfounderror", "cannot find -l", "undefined reference", "no solution found", "not found in the package registry", "no matching distribution", "e404",
               "error:", "fatal:", "unable to locate package", "cannot find", "failed")  # fmt: skip
    for word in telling:
        found = [line for line in lines if word in line.lower()]
        if found:
            index = lines.index(found[0])
            more = lines[index + 1] if index + 1 < len(lines) and len(found[0]) < 60 else ""
            return f"The step “{name}” failed with exit code {exit_code}: {f'{found[0]} {more}'.strip()[:400]}"
    last = lines[-1][:400] if lines else "it printed nothing"
    return f"The step “{name}” failed with exit code {exit_code}: {last}"
