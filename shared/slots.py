"""How many jobs a worker carries at once."""

import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger()


class NoFreeSlot(Exception):
    """Every slot is taken."""


class Slots:
    """Each taken slot becomes one thread; `changed` is called when one is free again."""

    def __init__(self, count: int, changed: Callable[[], None] = lambda: None) -> None:
        self._count = count
        self._changed = changed
        self._taken = 0
        self._condition = threading.Condition()

    def free(self) -> int:
        with self._condition:
            return max(0, self._count - self._taken)

    def take(self, *, beyond: bool = False) -> None:
        """Reserve one; `beyond` also when all are taken (an adopted job goes on anyhow)."""
        with self._condition:
            if self._taken >= self._count and not beyond:
                raise NoFreeSlot
            self._taken += 1

    def give_back(self) -> None:
        with self._condition:
            self._taken -= 1
            self._condition.notify_all()
        self._changed()

    def begin(self, work: Callable[[], None], name: str) -> None:
        """Do `work` in a slot that was taken before, then give it back."""

        def slot() -> None:
            try:
                work()
            except Exception:
                log.exception("slot_failed", work=name)
            finally:
                self.give_back()

        threading.Thread(target=slot, name=name, daemon=True).start()

    def wait_empty(self, seconds: float) -> bool:
        """Whether every slot is free, after at most so long."""
        with self._condition:
            return self._condition.wait_for(lambda: self._taken == 0, seconds)
