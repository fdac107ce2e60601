"""Heartbeats of one run, and what follows from them: go on, cancel, or give up."""

import threading
from collections.abc import Callable

import structlog

from runner_service.record import HeldLease, Record
from shared.control import Control, Refused, Unavailable
from shared.host import boot_seconds

log = structlog.get_logger()


class LeaseKeeper:
    """Renews until closed; `on_directive` hears `cancel` and `lost`, each possibly several times."""

    def __init__(
        self,
        record: Record,
        control: Control,
        on_directive: Callable[[str], None],
        *,
        silence_seconds: float,
        clock: Callable[[], float] = boot_seconds,
    ) -> None:
        self._record = record
        self._control = control
        self._on_directive = on_directive
        self._silence_seconds = silence_seconds
        self._clock = clock
        self._closed = threading.Event()
        self._confirmed = clock()
        self._gives_up_on_silence = True
        self._deadline: float | None = None
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def begin(self) -> None:
        self._note(self._confirmed)
        self._thread.start()

    def begin_with_a_beat(self) -> None:
        """For a successor: ask first whether the lease is still ours."""
        self._note(self._confirmed)
        self._beat()
        self._thread.start()

    def deadline(self, at: float) -> None:
        """The program has to end by this second since boot, whoever is alive then."""
        self._deadline = at
        self._note(self._clock())

    def program_has_ended(self) -> None:
        """From now on silence ends nothing: results wait for web as long as it takes."""
        self._gives_up_on_silence = False

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _keep(self) -> None:
        lease = self._record.assignment
        pause = lease.heartbeat_seconds
        while not self._closed.wait(pause):
            # in an outage more often, so that the lease is renewed as soon as web is back
            pause = lease.heartbeat_seconds if self._beat() else lease.heartbeat_seconds / 5

    def _beat(self) -> bool:
        asked = self._clock()
        try:
            directive = self._control.heartbeat("run", self._record.assignment).directive
        except (Unavailable, Refused) as error:
            silent = self._clock() - self._confirmed
            log.warning("heartbeat_unanswered", reason=str(error), silent=round(silent, 1))
            if silent > self._silence_seconds and self._gives_up_on_silence:
                self._on_directive("lost")
            else:
                self._note(self._clock())
            return False
        if directive != "lost":
            self._confirmed = asked
            self._note(asked)
        if directive != "continue":
            self._on_directive(directive)
        return True

    def _note(self, renewed: float) -> None:
        """What the janitor goes by when this process is dead."""
        with self._writing:
            self._record.write(
                HeldLease(
                    valid_until=renewed + self._record.assignment.lease_seconds,
                    boot=self._record.boot,
                    container=self._record.container,
                    deadline=self._deadline,
                )
            )
