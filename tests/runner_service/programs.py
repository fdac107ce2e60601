"""Programs for a runner's tests, and what a killed predecessor leaves of them."""

import sys
import time

from runner_service.record import Staged, Starting
from shared.work import Manifest
from tests.runner_service.fake_web import FakeWeb, WebRun
from tests.runner_service.worker import Worker


def script(text: str) -> list[str]:
    return ["/bin/sh", "-c", text]


def python(text: str) -> list[str]:
    return [sys.executable, "-u", "-c", text]


def manifest_of(web: FakeWeb, run: WebRun) -> Manifest:
    assert run.report is not None and run.report.manifest is not None
    return run.report.manifest


def started(worker: Worker, web: FakeWeb, run: WebRun) -> None:
    """What a predecessor leaves that was killed while the program ran."""
    record = worker.claim(run)
    folder = worker.work.make(record.container, 1, 1)
    record.write(Staged(files={}))
    record.write(Starting(at=time.clock_gettime(time.CLOCK_BOOTTIME)))
    sandbox = worker.one_run(record)._sandbox()
    assert folder.exists()
    worker.containers.create(sandbox)
    worker.containers.start(sandbox.name)
