"""Tells a worker at once which of its jobs somebody has cancelled (long poll)."""

import threading
import time
from collections.abc import Callable
from typing import Any, Literal

from sqlalchemy import select

from shared.db import Transactions
from shared.work import Body, Kind
from web.bell import Bell, Ear
from web.jobs import ACTIVE, TABLES

LONGEST_WAIT = 30.0
_STOP_SECONDS = 1.0
REPEAT_SECONDS = 5.0
"""A directive is told again only after this long: stopping a program takes time, an answer may be lost."""


class Directed(Body):
    """One job of the worker and what to do with it."""

    kind: Kind
    id: str
    fence: int
    directive: Literal["cancel"] = "cancel"


class Directives:
    """Answers the workers' long polls."""

    def __init__(
        self,
        transactions: Transactions,
        bell: Bell,
        poll_seconds: float = 0.5,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """`poll_seconds` bounds the delay of a cancel that another web process has committed."""
        self._stopping = stopping
        self._transactions = transactions
        self._bell = bell
        self._poll_seconds = poll_seconds
        self._lock = threading.Lock()
        self._told: dict[tuple[str, int], float] = {}

    def wait(self, worker: str, seconds: float) -> list[Directed]:
        """What `worker` must do, as soon as there is something, after `seconds` at most."""
        until = time.monotonic() + min(seconds, LONGEST_WAIT)
        with self._bell.listen(f"worker:{worker}") as ear:
            while True:
                found = self._untold(self._cancels(worker))
                left = until - time.monotonic()
                if found or left <= 0 or not self._listen(ear, min(left, self._poll_seconds)):
                    return found

    def _listen(self, ear: Ear, seconds: float) -> bool:
        """Until it rings or the time is up; False when web is to end and must not be kept waiting."""
        until = time.monotonic() + seconds
        while not self._stopping():
            left = until - time.monotonic()
            if left <= 0 or ear.wait(min(left, _STOP_SECONDS)):
                return True
        return False

    def _cancels(self, worker: str) -> list[Directed]:
        found: list[Directed] = []
        kinds: tuple[Kind, ...] = ("run", "build", "preview")
        with self._transactions.read() as session:
            for kind in kinds:
                table: Any = TABLES[kind]
                rows = session.execute(
                    select(table.id, table.fence).where(
                        table.lease_owner == worker,
                        table.state.in_(sorted(ACTIVE[kind])),
                        table.cancel_requested_at.is_not(None),
                    )
                )
                found += [Directed(kind=kind, id=row.id, fence=row.fence) for row in rows]
        return found

    def _untold(self, cancels: list[Directed]) -> list[Directed]:
        now = time.monotonic()
        with self._lock:
            self._told = {job: at for job, at in self._told.items() if now - at < REPEAT_SECONDS}
            fresh = [one for one in cancels if (one.id, one.fence) not in self._told]
            self._told.update({(one.id, one.fence): now for one in fresh})
        return fresh
