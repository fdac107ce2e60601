"""Inputs into the working folder, before the program that will own it exists."""

import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from runner_service.file_names import shown
from runner_service.record import Staged, StagedFile
from shared.uploads import same
from shared.work import InputFile

SANDBOX_UID = 65532
Fetch = Callable[[InputFile, BinaryIO], str]
"""Writes an input's bytes; gives their SHA-256."""


class CannotStage(Exception):
    """A sentence for the run's owner; trying again would change nothing."""


def stage(
    inputs: list[InputFile], folder: Path, fetch: Fetch, *, own: bool, replaces: Iterable[str] = ()
) -> Staged:
    """Copy each input by its base name into `folder`; `own` gives it to the program's user.

    The folder is empty, or holds a copy of the tool's repository: an input replaces a file of its name,
    if that is among `replaces`.
    """
    folder_descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        replaced = {i.name for i in inputs} & set(replaces)
        for name in replaced:
            os.unlink(name, dir_fd=folder_descriptor)
        files = {i.name: _stage_one(i, folder_descriptor, fetch, own=own) for i in inputs}
        if own:
            os.fchown(folder_descriptor, SANDBOX_UID, SANDBOX_UID)
        os.fchmod(folder_descriptor, 0o755)
    finally:
        os.close(folder_descriptor)
    return Staged(files=files)


def stage_stdin(stdin: InputFile, path: Path, fetch: Fetch) -> None:
    """Standard input beside the working folder; only the engine's mount shows it to the program."""
    path.unlink(missing_ok=True)
    with path.open("xb") as file:
        _copy(stdin, file, fetch)
        os.fchmod(file.fileno(), 0o444)


def _stage_one(wanted: InputFile, folder: int, fetch: Fetch, *, own: bool) -> StagedFile:
    name = wanted.name
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise CannotStage(f"an input is named {shown(name)}, which is not a file's base name")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        descriptor = os.open(name, flags, 0o644, dir_fd=folder)
    except OSError as error:
        raise CannotStage(
            f"the input {shown(name)} cannot be made here: {error.strerror}"
        ) from error
    with os.fdopen(descriptor, "w+b") as file:
        sha256 = _copy(wanted, file, fetch)
        if own:
            os.fchown(file.fileno(), SANDBOX_UID, SANDBOX_UID)
        now = os.fstat(file.fileno())
    return staged_file(now, sha256)


def staged_file(now: os.stat_result, sha256: str) -> StagedFile:
    return StagedFile(size=now.st_size, inode=now.st_ino, changed_ns=now.st_ctime_ns, sha256=sha256)


def untouched(before: StagedFile, now: os.stat_result) -> bool:
    """Whether the file system says that this is still the staged file; if not, hashes decide."""
    return stat.S_ISREG(now.st_mode) and staged_file(now, before.sha256) == before


def _copy(wanted: InputFile, file: BinaryIO, fetch: Fetch) -> str:
    """The SHA-256 of what came; refused unless it is what was uploaded."""
    try:
        sha256 = fetch(wanted, file)
        file.flush()
        size = os.fstat(file.fileno()).st_size
        right = size == wanted.size and same(file, sha256, wanted.sha256)
    except OSError as error:
        raise CannotStage(
            f"the input {shown(wanted.name)} ({wanted.size} bytes) does not fit into the working "
            f"folder: {error.strerror}"
        ) from error
    if not right:
        raise CannotStage(
            f"the input {shown(wanted.name)} is not what was uploaded: {size} bytes came instead "
            f"of {wanted.size}, or other ones; upload it again"
        )
    return sha256
