"""How many jobs a worker carries at once."""

import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger()


class NoFreeSlot(Exception):
    """Every slot is taken."""


class Slots:
    """Each taken slot becomes one thread; `changed` is called when one is free again.

    Work may leave its slot before it has ended; of such there are at most `trailing` at once.
    """

    def __init__(
        self, count: int, changed: Callable[[], None] = lambda: None, *, trailing: int = 0
    ) -> None:
        self._count = count
        self._changed = changed
        self._most_trailing = trailing
        self._taken = 0
        self._trailing = 0
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
        self.begin_leaving(lambda leave: work(), name)

    def begin_leaving(self, work: Callable[[Callable[[], None]], None], name: str) -> None:
        """As `begin`; `work` may call what it is given once the slot is not needed any more."""
        left = False

        def leave() -> None:
            nonlocal left
            with self._condition:
                if left or self._trailing >= self._most_trailing:
                    return
                left = True
                self._trailing += 1
                self._taken -= 1
            self._changed()

        def slot() -> None:
            try:
                work(leave)
            except Exception:
                log.exception("slot_failed", work=name)
            finally:
                if left:
                    with self._condition:
                        self._trailing -= 1
                        self._condition.notify_all()
                else:
                    self.give_back()

        threading.Thread(target=slot, name=name, daemon=True).start()

    def wait_empty(self, seconds: float) -> bool:
        """Whether all work has ended and every slot is free, after at most so long."""
        with self._condition:
            return self._condition.wait_for(lambda: self._taken + self._trailing == 0, seconds)
