"""What a run's worker must remember: files in its state folder, each written whole or not at all."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ValidationError

from shared.work import RunAssignment, RunReport, Stream

_SAFE = re.compile(r"[A-Za-z0-9_-]{1,80}\Z")
_NEW = ".new-"


class StagedFile(BaseModel):
    """An input as it lay in the working folder before the start."""

    size: int
    inode: int
    changed_ns: int
    """The file system's own time of change, which a program cannot set."""
    sha256: str


class Claimed(BaseModel):
    assignment: RunAssignment
    boot: str


class Staged(BaseModel):
    """What lay in the working folder before the start: inputs, and the repository's files where it starts there."""

    files: dict[str, StagedFile]
    links: dict[str, str] = {}
    """Symbolic links of the repository, by path: where they point."""


class Starting(BaseModel):
    """Written before the start; seconds since boot, so that a successor keeps the deadline."""

    at: float


class Stopped(BaseModel):
    """Written before the program is stopped."""

    why: Literal["cancelled", "timed_out"]


class Ended(BaseModel):
    """The program's end, and what was read of its streams until then."""

    sizes: dict[Stream, int] = {"stdout": 0, "stderr": 0}
    """Bytes written, kept or not."""
    incomplete: list[Stream] = []
    """Streams of which the engine had lost a part before anybody read it."""
    order: list[int] = []
    """How the kept bytes of both took turns (`StreamOrder.turns`)."""
    exit_code: int
    oom: bool
    seconds: float


class Finished(BaseModel):
    """The end was accepted, or the run is not ours any more: what is left is to clean up."""

    why: str


class HeldLease(BaseModel):
    """For the janitor: the container may live until this second since boot of this boot."""

    valid_until: float
    boot: str
    container: str
    deadline: float | None = None


NAMES: dict[type[BaseModel], str] = {
    Claimed: "claimed.json",
    Staged: "staged.json",
    Starting: "starting.json",
    Stopped: "stopped.json",
    Ended: "ended.json",
    RunReport: "report.json",
    Finished: "finished.json",
    HeldLease: "lease.json",
}
M = TypeVar("M", bound=BaseModel)


class Record:
    """One attempt's folder (0700; files 0600: the attempt's token is among them)."""

    def __init__(self, folder: Path, claimed: Claimed) -> None:
        self.folder = folder
        self.assignment = claimed.assignment
        self.boot = claimed.boot

    @classmethod
    def create(cls, runs: Path, assignment: RunAssignment, boot: str) -> "Record":
        """Remember a claim before anything else is done about it."""
        if not _SAFE.match(assignment.attempt) or not _SAFE.match(assignment.id):
            raise ValueError(f"not an attempt's id: {assignment.attempt!r} of {assignment.id!r}")
        runs.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = runs / (_NEW + assignment.attempt)
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        claimed = Claimed(assignment=assignment, boot=boot)
        write_marker(new / NAMES[Claimed], claimed)
        folder = runs / assignment.attempt
        new.rename(folder)
        return cls(folder, claimed)

    @classmethod
    def left(cls, runs: Path) -> "Iterator[Record]":
        """What a predecessor left; claims that it could not even note are dropped."""
        if not runs.is_dir():
            return
        for folder in sorted(runs.iterdir()):
            claimed = None if folder.name.startswith(_NEW) else _read(folder, Claimed)
            if claimed is None:
                shutil.rmtree(folder, ignore_errors=True)
            else:
                yield cls(folder, claimed)

    @property
    def container(self) -> str:
        """The one container of this attempt."""
        return f"run-{self.assignment.id}-{self.assignment.attempt}"

    def read(self, what: type[M]) -> M | None:
        return _read(self.folder, what)

    def write(self, what: BaseModel) -> None:
        write_marker(self.folder / NAMES[type(what)], what)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def _read(folder: Path, what: type[M]) -> M | None:
    try:
        return what.model_validate_json((folder / NAMES[what]).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None


def write_marker(path: Path, what: BaseModel) -> None:
    """One marker file, whole or not at all."""
    new = path.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(what.model_dump_json().encode())
    new.replace(path)
