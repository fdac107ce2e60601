"""Processes come and go as the scaler wants it; only those go that say themselves that they are idle.

Only the standard library is imported here, as in `cli.up`.
"""

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cli.supervisor import Child, Supervisor
from shared import desired as files
from shared.bounds import Bounds
from shared.retire import SIGNAL

LEAVING_SECONDS = 5.0
"""An idle worker has ended so long after it was asked to go."""

STEP_SECONDS = 0.9
"""Between two signals to web: of equal ones that wait, the kernel keeps one."""

Make = Callable[[str], Child]
"""A process of the group by its name, not yet started."""


@dataclass
class Workers:
    """A group of like processes: `runner`, `runner2`, `runner3`, …"""

    name: str
    bounds: Bounds
    make: Make
    clock: Callable[[], float] = time.monotonic
    children: list[Child] = field(default_factory=list)

    def begin(self, supervisor: Supervisor) -> None:
        while len(self.children) < self.bounds.least:
            self._one_more(supervisor)

    def follow(self, supervisor: Supervisor, desired: int) -> None:
        """Start what is missing; ask some to go while there are too many, whoever was asked last comes last."""
        self.children = [child for child in self.children if child in supervisor.children]
        count = self.bounds.within(desired)
        while len(self.children) < count:
            self._one_more(supervisor)
        # A busy one ignores it. Whoever was asked just now may still be leaving: it counts as gone.
        now = self.clock()
        staying = [
            child for child in self.children[::-1] if now - child.asked_at >= LEAVING_SECONDS
        ]
        for child in sorted(staying, key=lambda c: c.asked_at)[: max(0, len(staying) - count)]:
            supervisor.ask_to_go(child, SIGNAL)

    def _one_more(self, supervisor: Supervisor) -> None:
        taken = {child.name for child in self.children}
        names = (self.name if n == 1 else f"{self.name}{n}" for n in range(1, len(taken) + 2))
        child = self.make(next(name for name in names if name not in taken))
        self.children.append(child)
        supervisor.start(child)


@dataclass
class WebProcesses:
    """Processes behind one port: gunicorn starts one at TTIN and drains one at TTOU."""

    child: Child
    bounds: Bounds
    answers: Callable[[], bool]
    _of: int = 0
    _count: int = 0
    _at: float = 0.0

    def follow(self, desired: int) -> None:
        process = self.child.process
        if process is None:
            self._of = self._count = 0
            return
        if self._of != process.pid:
            # Before it answers it has no handler for these signals: TTIN would stop it for good.
            if not self.answers():
                return
            self._of, self._count = process.pid, 1
        step = max(1, self.bounds.within(desired)) - self._count
        if step and time.monotonic() - self._at >= STEP_SECONDS:
            process.send_signal(signal.SIGTTIN if step > 0 else signal.SIGTTOU)
            self._count += 1 if step > 0 else -1
            self._at = time.monotonic()

    @property
    def count(self) -> int:
        return self._count


class Followed:
    """All groups of one machine and the two files by which the scaler is heard and answered."""

    def __init__(
        self,
        supervisor: Supervisor,
        data: Path,
        workers: Mapping[str, Workers],
        web: WebProcesses | None = None,
    ) -> None:
        self._supervisor = supervisor
        self._folder = files.folder_of(data)
        self._workers = dict(workers)
        self._web = web
        self._told: dict[str, int] = {}
        # What was wanted before a restart is no reason to begin with as many.
        (self._folder / files.DESIRED).unlink(missing_ok=True)
        self._tell()

    @property
    def seconds(self) -> float | None:
        """How often `follow` is to be called; None where every number is fixed."""
        scaled = [group.bounds for group in self._workers.values()]
        scaled += [self._web.bounds] if self._web else []
        return 1.0 if any(bounds.is_range for bounds in scaled) or self._web else None

    def follow(self) -> None:
        """One look."""
        wanted = files.read(self._folder, files.DESIRED)
        for name, group in self._workers.items():
            group.follow(self._supervisor, wanted.get(name, group.bounds.least))
        if self._web is not None:
            self._web.follow(wanted.get("web", self._web.bounds.least))
        self._tell()

    def _tell(self) -> None:
        running = {
            name: sum(child.process is not None for child in group.children)
            for name, group in self._workers.items()
        }
        if self._web is not None:
            running["web"] = self._web.count
        if running == self._told:
            return
        try:
            files.write(self._folder, files.RUNNING, running)
        except OSError as error:  # a full disk must not end the platform; the next look writes it
            self._supervisor.say(f"the number of processes cannot be written down: {error}")
            return
        self._told = running
