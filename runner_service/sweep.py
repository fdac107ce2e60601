"""End and remove what is overdue, once: `python -m runner_service.sweep`."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import structlog

from runner_service.adapters import open_containers, open_work
from runner_service.overdue import Overdue, overdue
from runner_service.record import NAMES, Stopped, write_marker
from runner_service.settings import RunnerSettings
from runner_service.work_folders import WorkFolders
from shared import logs
from shared.containers import Containers, EngineUnavailable
from shared.host import boot_id, boot_seconds
from shared.process import settings_or_exit

log = structlog.get_logger()


def sweep(
    late: list[Overdue], containers: Containers, work_of: Callable[[Path], WorkFolders]
) -> None:
    """`work_of` gives the working folders of a runner's place."""
    for one in late:
        log.warning("overdue", container=one.container, what=one.what)
        try:
            if one.what == "stop":
                # first the reason, so that whoever reports the run knows why it was killed
                write_marker(one.folder / NAMES[Stopped], Stopped(why="timed_out"))
                containers.stop(one.container, 0)
            else:
                containers.remove(one.container)
                work_of(one.folder.parent.parent).remove(one.container)
                shutil.rmtree(one.folder, ignore_errors=True)
        except (EngineUnavailable, OSError) as error:
            log.error("not_swept", container=one.container, reason=str(error))


def main() -> None:
    settings = settings_or_exit(RunnerSettings, os.environ)
    logs.configure("janitor", json=settings.log_json)
    containers = open_containers(settings.data)
    try:
        sweep(overdue(settings.state, boot_seconds(), boot_id()), containers, open_work)
    finally:
        containers.close()


if __name__ == "__main__":
    main()
