"""Reads what SES tells from its queue: follow it, forget it, or put aside what nobody understands."""

import threading
from collections.abc import Callable

import structlog

from notifier import suppressions
from notifier.feedback import Malformed, read
from shared.bus import Bus, Message
from shared.consumer import pause_before_retry
from shared.db import Transactions
from shared.topology import MAIL_FEEDBACK

log = structlog.get_logger()

_AT_ONCE = 10
_WAIT_SECONDS = 10.0
_AWAY_SECONDS = 5.0
_RETRY_SECONDS = 5.0


class FeedbackReader:
    """One loop; `run` returns after `stop`, within one wait."""

    def __init__(
        self, bus: Bus, transactions: Transactions, *, wait: float = _WAIT_SECONDS
    ) -> None:
        self._bus = bus
        self._transactions = transactions
        self._wait = wait
        self._stopping = threading.Event()

    def run(self) -> None:
        """Blocks until `stop`."""
        while not self._stopping.is_set():
            try:
                messages = self._bus.receive(MAIL_FEEDBACK, _AT_ONCE, self._wait)
            except Exception as error:
                log.warning("bus_unreachable", queue=MAIL_FEEDBACK, error=repr(error))
                self._stopping.wait(_AWAY_SECONDS)
                continue
            for message in messages:
                self.handle(message)

    def stop(self) -> None:
        self._stopping.set()

    def handle(self, message: Message) -> None:
        """One message to its end."""
        answer: Callable[[], None] = message.ack
        try:
            feedback = read(message.body)
            if feedback is not None:
                with self._transactions.begin() as session:
                    found = suppressions.note(session, feedback)
                log.info("mail_feedback", kind=feedback.kind, suppressed=len(found))
        except Malformed as error:
            log.error("message_malformed", queue=MAIL_FEEDBACK, reason=str(error))
            answer = message.reject
        except Exception:
            log.exception("message_failed", queue=MAIL_FEEDBACK, receives=message.receives)
            pause = pause_before_retry(_RETRY_SECONDS, message.receives)
            self._settle(lambda: message.nack(pause))
            return
        self._settle(answer)

    @staticmethod
    def _settle(answer: Callable[[], None]) -> None:
        try:
            answer()
        except Exception as error:  # it becomes visible again; the inbox knows it
            log.warning("message_not_settled", queue=MAIL_FEEDBACK, error=repr(error))
