"""A runner's parts put together as the service does it, for tests that drive runs one by one."""

import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path

from runner_service.one_run import OneRun, Patience
from runner_service.record import Record
from runner_service.work_folders import WorkFolders
from shared.containers import Containers
from shared.control import Control
from shared.host import boot_id
from shared.work import RunAssignment
from tests.runner_service.fake_web import FakeWeb, WebRun


class PlainFolders:
    """Working folders without a quota."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def make(self, name: str, size: int, files: int) -> Path:
        self.path(name).mkdir(parents=True, exist_ok=True)
        return self.path(name)

    def path(self, name: str) -> Path:
        return self._root / name

    def tidy(self) -> None:
        pass

    def remove(self, name: str) -> None:
        shutil.rmtree(self.path(name), ignore_errors=True)


@dataclass
class Worker:
    web: FakeWeb
    containers: Containers
    folder: Path
    work: WorkFolders
    control: Control
    patience: Patience = field(default_factory=lambda: Patience(silence=60, stop_grace=1, engine=5))
    own_files: bool = False

    def claim(self, run: WebRun) -> Record:
        assignment = self.control.claim("run", run.assignment.id)
        assert isinstance(assignment, RunAssignment)
        return Record.create(self.folder / "runs", assignment, boot_id())

    def one_run(self, record: Record, *, adopted: bool = False, boot: str = "") -> OneRun:
        return OneRun(
            record,
            control=self.control,
            containers=self.containers,
            work=self.work,
            patience=self.patience,
            boot=boot or boot_id(),
            own_files=self.own_files,
            adopted=adopted,
        )

    def begin(self, run: WebRun) -> tuple[OneRun, threading.Thread]:
        one = self.one_run(self.claim(run))
        thread = threading.Thread(target=one.live)
        thread.start()
        return one, thread

    def run(self, run: WebRun) -> WebRun:
        """Claim it and live it to its end."""
        self.one_run(self.claim(run)).live()
        return run

    def adopt(self) -> list[OneRun]:
        """A successor's work: go on with everything that is left."""
        runs = [self.one_run(r, adopted=True) for r in Record.left(self.folder / "runs")]
        for run in runs:
            run.live()
        return runs

    def left_over(self) -> list[str]:
        """What should not be there after the end."""
        found = [s.name for s in self.containers.list({})]
        runs = self.folder / "runs"
        return found + [p.name for p in runs.iterdir()] if runs.exists() else found
