"""Tells a worker at once which of its jobs somebody has cancelled (long poll)."""

import threading
import time
from typing import Any, Literal

from sqlalchemy import select

from shared.db import Transactions
from shared.work import Body, Kind
from web.bell import Bell
from web.jobs import ACTIVE, TABLES

LONGEST_WAIT = 30.0
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

    def __init__(self, transactions: Transactions, bell: Bell, poll_seconds: float = 0.5) -> None:
        """`poll_seconds` bounds the delay of a cancel that another web process has committed."""
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
                if found or left <= 0:
                    return found
                ear.wait(min(left, self._poll_seconds))

    def _cancels(self, worker: str) -> list[Directed]:
        found: list[Directed] = []
        kinds: tuple[Kind, ...] = ("run", "build")
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
