"""Directives pushed by web: one long poll for all jobs of this worker, while there are any."""

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from shared.control import Control, Refused, Unavailable
from shared.work import Kind

log = structlog.get_logger()
_WAIT_SECONDS = 20.0
_PAUSE = 0.5


class LeasedJob(Protocol):
    """A job under a lease that can be told what web wants, several times and from any thread."""

    @property
    def id(self) -> str: ...

    @property
    def fence(self) -> int: ...

    def direct(self, directive: str) -> None: ...


class Directives:
    """Hands each directive to its job; heartbeats bring the same should this be cut off."""

    def __init__(
        self, control: Control, kind: Kind, jobs: Callable[[], Sequence[LeasedJob]]
    ) -> None:
        self._control = control
        self._kind = kind
        self._jobs = jobs
        self._closed = threading.Event()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="directives", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def job_has_begun(self) -> None:
        self._begun.set()

    def close(self) -> None:
        """No more polls; one that is under way ends with the process."""
        self._closed.set()
        self._begun.set()

    def _listen(self) -> None:
        while not self._closed.is_set():
            if not self._jobs():
                self._begun.wait()  # no job, no request
                self._begun.clear()
                continue
            try:
                directives = self._control.directives(_WAIT_SECONDS)
            except (Unavailable, Refused) as error:
                log.debug("directives_unanswered", reason=str(error))
                self._closed.wait(2.0)
                continue
            jobs = {(job.id, job.fence): job for job in self._jobs()}
            for told in directives:
                job = jobs.get((told.id, told.fence))
                if told.kind == self._kind and job is not None:
                    log.info("directive", id=told.id, directive=told.directive)
                    job.direct(told.directive)
            if directives:  # they are told again until the job has ended
                self._closed.wait(_PAUSE)
