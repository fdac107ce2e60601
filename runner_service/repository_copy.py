"""The tool's repository into the working folder, for tools that start in a copy of it (`shared.plan.Plan.start`)."""

import hashlib
import os
import stat
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from runner_service.record import Staged
from runner_service.staging import CannotStage, staged_file
from shared.containers import Containers, Sandbox
from shared.plan import Network
from shared.start import COPY_REPOSITORY

SECONDS = 120.0
_LOOK_SECONDS = 0.2


def copy_repository(run: Sandbox, containers: Containers, check: Callable[[], None]) -> None:
    """Fill the working folder of `run` by a container of the same image under the same limits, without a network.

    The image may be hostile: the copy is made inside, never by us.
    """
    copying = replace(
        run,
        name=copying_name(run.name),
        argv=COPY_REPOSITORY,
        network=Network(),
        env={},
        stdin=None,
    )
    containers.remove(copying.name)  # of a predecessor that died while staging
    try:
        containers.create(copying)
        containers.start(copying.name)
        until = time.monotonic() + SECONDS
        while (ended := containers.wait(copying.name, _LOOK_SECONDS)) is None:
            check()
            if time.monotonic() > until:
                raise CannotStage(f"the copy of the tool's repository took more than {SECONDS:g} s")
        if ended.exit_code != 0:
            raise CannotStage(
                "the tool starts in a copy of its repository, which does not fit into the working "
                f"folder of {run.limits.disk_bytes} bytes and {run.limits.output_files} files"
            )
    finally:
        containers.remove(copying.name)


def copying_name(run: str) -> str:
    """The container that makes the copy for the container of this name."""
    return f"{run}-copy"


def noted(folder: Path) -> Staged:
    """What the copy left, so that only what the tool changes counts as its output; links are not followed."""
    staged = Staged(files={}, links={})
    for above, folders, names in os.walk(folder):
        for name in [*names, *folders]:
            path = Path(above, name)
            now = path.lstat()
            below = path.relative_to(folder).as_posix()
            if stat.S_ISLNK(now.st_mode):
                staged.links[below] = str(path.readlink())
            elif stat.S_ISREG(now.st_mode):
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                with os.fdopen(descriptor, "rb") as file:
                    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                staged.files[below] = staged_file(now, sha256)
    return staged
