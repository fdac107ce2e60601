"""Heartbeats of one leased job, and what follows from them: go on, cancel, or give up."""

import threading
from collections.abc import Callable

import structlog

from shared.control import Control, Refused, Unavailable
from shared.work import Kind, Lease

SILENCE_SECONDS = 900.0
"""Ten minutes that web may be away (DESIGN 3.2), and time for it to come back."""

log = structlog.get_logger()


class Heartbeats:
    """Renews until closed; `on_directive` hears `cancel` and `lost`, each possibly several times."""

    def __init__(
        self,
        kind: Kind,
        lease: Lease,
        control: Control,
        on_directive: Callable[[str], None],
        *,
        silence_seconds: float,
        clock: Callable[[], float],
        held: Callable[[float], None] = lambda at: None,
    ) -> None:
        """`held` hears when the lease was renewed, or that we hold on to it although web is silent."""
        self._kind = kind
        self._lease = lease
        self._control = control
        self._on_directive = on_directive
        self._silence_seconds = silence_seconds
        self._clock = clock
        self._held = held
        self._confirmed = clock()
        self._gives_up_on_silence = True
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def begin(self) -> None:
        self._held(self._confirmed)
        self._thread.start()

    def bear_silence(self) -> None:
        """From now on silence ends nothing: results wait for web as long as it takes."""
        self._gives_up_on_silence = False

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def beat(self) -> bool:
        """Ask once; whether web answered."""
        asked = self._clock()
        try:
            directive = self._control.heartbeat(self._kind, self._lease).directive
        except (Unavailable, Refused) as error:
            silent = self._clock() - self._confirmed
            log.warning("heartbeat_unanswered", reason=str(error), silent=round(silent, 1))
            if silent > self._silence_seconds and self._gives_up_on_silence:
                self._on_directive("lost")
            else:
                self._held(self._clock())
            return False
        if directive != "lost":
            self._confirmed = asked
            self._held(asked)
        if directive != "continue":
            self._on_directive(directive)
        return True

    def _keep(self) -> None:
        pause = self._lease.heartbeat_seconds
        while not self._closed.wait(pause):
            # in an outage more often, so that the lease is renewed as soon as web is back
            pause = self._lease.heartbeat_seconds / (1 if self.beat() else 5)
