"""Phases and log chunks of one run on their way to web: never waited for by the program."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import structlog

from runner_service.spool import BATCH, Spool
from shared.control import Control, Lost, Refused, Unavailable, WrongOffset, through_outages
from shared.work import PastPhase, RunAssignment, Stream

T = TypeVar("T")
_BETWEEN_BATCHES = 0.1
_WORTH_TELLING = 0.5
"""A phase that is over sooner is not told: nobody could have seen it."""
_GATHER = 0.25
"""Nothing is told of a program for so long; one that is over by then needs no live log at all."""
log = structlog.get_logger()


class Reporter:
    """Sends the newest phase, then the oldest bytes; goes on through outages until all is sent."""

    def __init__(
        self,
        lease: RunAssignment,
        control: Control,
        spool: Spool,
        on_lost: Callable[[], None],
        give_up: threading.Event,
    ) -> None:
        self._lease = lease
        self._control = control
        self._spool = spool
        self._on_lost = on_lost
        self._give_up = give_up
        self._phase: str | None = None
        self._tell_at = 0.0
        self._hold_until = 0.0
        self._untold: float | None = None
        """When the program began, until web knows that it runs."""
        self._enough = threading.Event()
        self._quiet = False
        """Web does not want the live log; the whole log becomes an object all the same."""
        self._thread = threading.Thread(target=self._send_all, name="reporter", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def phase(self, name: str) -> None:
        """Tell this phase soon; one that was not told before is left out."""
        now = time.monotonic()
        if name == "running":
            self._hold_until, self._untold = now + _GATHER, now
        elif self._untold is not None:  # it is over already: its results come next
            self._hold_until = now + _WORTH_TELLING
        self._tell_at = now + (_GATHER if name == "running" else _WORTH_TELLING)
        self._phase = name
        self._spool.nudge()

    def enough(self) -> list[PastPhase]:
        """The whole streams are objects now: what waits stays untold; the phases among it."""
        self._enough.set()
        self.flush()
        if self._untold is None:
            return []
        return [PastPhase(phase="running", ago=time.monotonic() - self._untold)]

    def flush(self) -> None:
        """Returns when the streams have ended and every byte is with web, or nobody wants it any more."""
        self._spool.nudge()
        self._thread.join()

    def _send_all(self) -> None:
        try:
            while not (self._give_up.is_set() or self._enough.is_set() or self._spool.all_sent()):
                pause = self._send_phase()
                held = self._hold_until - time.monotonic()
                if held > 0:
                    self._enough.wait(min(pause, held))
                    continue
                batch = self._spool.next_batch(pause)
                # the program may have begun while there was nothing to send
                if batch is not None and time.monotonic() >= self._hold_until:
                    self._send(*batch)
        except Lost:
            self._on_lost()
        except Unavailable:
            pass  # told to give up while waiting for web

    def _send_phase(self) -> float:
        """Seconds until there may be one to tell."""
        left = self._tell_at - time.monotonic()
        if self._phase is None or left > 0:
            return 1.0 if self._phase is None else left
        phase, self._phase = self._phase, None
        if self._untold is not None and phase != "running":
            self._tell("running")
        self._tell(phase)
        return 1.0

    def _tell(self, phase: str) -> None:
        try:
            self._patiently(lambda: self._control.phase("run", self._lease, phase))
        except Refused as error:
            log.error("phase_refused", phase=phase, reason=str(error))
        if phase == "running":
            self._untold = None

    def _send(self, stream: Stream, offset: int, data: bytes) -> None:
        if self._quiet:
            self._spool.sent(stream, offset + len(data))
            return
        began = time.monotonic()
        try:
            reached = self._patiently(
                lambda: self._control.log("run", self._lease, stream, offset, data)
            )
        except WrongOffset as wrong:
            reached = wrong.next
        except Refused as error:
            log.error("log_refused", reason=str(error))
            self._quiet = True
            return
        self._spool.sent(stream, reached)
        if len(data) < BATCH:  # let a few lines gather: a request a line would wear out web
            self._spool.wait_ended(_BETWEEN_BATCHES - (time.monotonic() - began))

    def _patiently(self, call: Callable[[], T]) -> T:
        return through_outages(call, stop=self._give_up)
