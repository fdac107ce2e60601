"""Cancels pushed by web: one long poll for all runs of this worker, while there are any."""

import threading
from collections.abc import Callable

import structlog

from runner_service.one_run import OneRun
from shared.control import Control, Refused, Unavailable

log = structlog.get_logger()
_WAIT_SECONDS = 20.0
_PAUSE = 0.5


class Directives:
    """Hands each directive to its run; heartbeats bring the same should this be cut off."""

    def __init__(self, control: Control, running: Callable[[], list[OneRun]]) -> None:
        self._control = control
        self._running = running
        self._closed = threading.Event()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="directives", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def run_has_begun(self) -> None:
        self._begun.set()

    def close(self) -> None:
        """No more polls; one that is under way ends with the process."""
        self._closed.set()
        self._begun.set()

    def _listen(self) -> None:
        while not self._closed.is_set():
            if not self._running():
                self._begun.wait()  # no run, no request
                self._begun.clear()
                continue
            try:
                directives = self._control.directives(_WAIT_SECONDS)
            except (Unavailable, Refused) as error:
                log.debug("directives_unanswered", reason=str(error))
                self._closed.wait(2.0)
                continue
            runs = {(run.id, run.fence): run for run in self._running()}
            for told in directives:
                run = runs.get((told.id, told.fence))
                if told.kind == "run" and run is not None:
                    log.info("directive", run_id=told.id, directive=told.directive)
                    run.direct(told.directive)
            if directives:  # they are told again until the run has ended
                self._closed.wait(_PAUSE)
