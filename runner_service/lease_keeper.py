"""The lease of one run: its heartbeats, and the note by which the janitor knows how long it holds."""

import threading
from collections.abc import Callable

from runner_service.record import HeldLease, Record
from shared.control import Control
from shared.heartbeats import Heartbeats
from shared.host import boot_seconds


class LeaseKeeper:
    """Renews until closed; `on_directive` hears `cancel` and `lost`, each possibly several times."""

    def __init__(
        self,
        record: Record,
        control: Control,
        on_directive: Callable[[str], None],
        *,
        silence_seconds: float,
    ) -> None:
        self._record = record
        self._deadline: float | None = None
        self._writing = threading.Lock()
        self._heart = Heartbeats(
            "run",
            record.assignment,
            control,
            on_directive,
            silence_seconds=silence_seconds,
            clock=boot_seconds,
            held=self._note,
        )

    def begin(self) -> None:
        self._heart.begin()

    def begin_with_a_beat(self) -> None:
        """For a successor: ask first whether the lease is still ours."""
        self._note(boot_seconds())
        self._heart.beat()
        self._heart.begin()

    def deadline(self, at: float) -> None:
        """The program has to end by this second since boot, whoever is alive then."""
        self._deadline = at
        self._note(boot_seconds())

    def program_has_ended(self) -> None:
        """From now on silence ends nothing: results wait for web as long as it takes."""
        self._heart.bear_silence()

    def close(self) -> None:
        self._heart.close()

    def _note(self, held: float) -> None:
        with self._writing:
            self._record.write(
                HeldLease(
                    valid_until=held + self._record.assignment.lease_seconds,
                    boot=self._record.boot,
                    container=self._record.container,
                    deadline=self._deadline,
                )
            )
