"""What is looked for again and again, until the service is stopped."""

import random
import threading
from abc import ABC, abstractmethod

import structlog
from sqlalchemy.exc import SQLAlchemyError

log = structlog.get_logger()


class Periodic(ABC):
    """One loop; a look that fails is told, and the next one comes in its time."""

    expected: tuple[type[Exception], ...] = (SQLAlchemyError,)
    """What is away for a while: told in a line, and not with where it was met."""

    def __init__(self, period: float) -> None:
        self.period = period
        self.stopping = threading.Event()

    def run(self) -> None:
        """Blocks until `stop`; the first look is soon after the start, or who starts often never looks."""
        # Not at once, for a start has other work, and not in step with others that start now.
        pause = self.period * random.uniform(0.01, 0.05)  # noqa: S311
        while not self.stopping.wait(pause):
            pause = self.period
            try:
                self.once()
            except self.expected as error:
                log.warning("look_postponed", of=type(self).__name__, error=str(error))
            except Exception:
                log.exception("look_failed", of=type(self).__name__)

    def stop(self) -> None:
        """`run` returns after the look in work; safe in a signal handler."""
        self.stopping.set()

    @abstractmethod
    def once(self) -> object:
        """One look."""
