"""At most one mail of an event to a person, except where the notifier dies between sending and noting it.

In that window, or where a mail server fails after it took the mail, the mail is sent once
more with the same Message-ID: a mail program shows it once. The delivery row is the inbox.
"""

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from notifier import suppressions
from notifier.mail_message import BadMail
from notifier.mailer import AddressRefused, Mail, Mailer
from notifier.messages import Text
from shared.db import Transactions, insert_new, now_ms
from shared.errors import Reject, Retry
from shared.events import Event
from shared.ids import new_id
from shared.schema.deliveries import Delivery
from shared.schema.restorations import Restoration

log = structlog.get_logger()

CLAIM_SECONDS = 90
"""Who has claimed and not noted a mail for so long is dead; another may send it then."""


class Deliveries:
    """Sends mails and remembers that it did."""

    def __init__(self, transactions: Transactions, mailer: Mailer, sender: str) -> None:
        self._transactions = transactions
        self._mailer = mailer
        self._sender = sender

    def deliver(self, event: Event, recipient: str, text: Text) -> None:
        """Claim, send outside any transaction, note; raises `Retry` while somebody else sends it."""
        new = f"<{new_id('mail')}@{self._sender.rpartition('@')[2]}>"
        with self._transactions.begin() as session:
            restored_at = session.scalar(select(func.max(Restoration.at)))
            if restored_at is not None and event.at <= restored_at:
                log.info("mail_withheld", event_id=event.event_id)  # it may have been sent before
                return
            if suppressions.find(session, recipient) is not None:
                log.info("mail_suppressed", event_id=event.event_id)
                return
            message_id = _claim(session, event, recipient, new)
        if message_id is None:
            return
        try:
            self._mailer.send(Mail(message_id, self._sender, recipient, text.subject, text.body))
        except AddressRefused as error:
            self._note(event, recipient, state="refused", at=None, refusal=str(error))
            log.warning("mail_address_refused", message_id=message_id)
            return
        except BadMail as error:
            self._note(event, recipient, state="refused", at=None)
            raise Reject(str(error)) from error
        except Exception as error:
            self._note(event, recipient, state="claimed", at=0)
            raise Retry(f"the mail was not taken: {error!r}", delay=30) from error
        self._note(event, recipient, state="sent", at=None)
        log.info("mail_sent", message_id=message_id)

    def _note(
        self, event: Event, recipient: str, *, state: str, at: int | None, refusal: str = ""
    ) -> None:
        with self._transactions.begin() as session:
            if refusal:
                suppressions.add(session, recipient, "refused", refusal)
            session.execute(
                update(Delivery)
                .where(Delivery.event_id == event.event_id, Delivery.recipient == recipient)
                .values(state=state, at=now_ms() if at is None else at)
            )


def _claim(session: Session, event: Event, recipient: str, new: str) -> str | None:
    """The Message-ID to send under, or None: it was sent, or refused for good."""
    claimed = session.execute(
        insert_new(session, Delivery)
        .values(
            event_id=event.event_id,
            recipient=recipient,
            message_id=new,
            state="claimed",
            at=now_ms(),
        )
        .returning(Delivery.message_id)
    ).first()
    if claimed is not None:
        return new
    found = session.get_one(Delivery, (event.event_id, recipient), with_for_update=True)
    if found.state != "claimed":
        return None
    now = session.execute(select(now_ms())).scalar_one()
    if now - found.at < CLAIM_SECONDS * 1000:
        raise Retry("another notifier is sending it", delay=CLAIM_SECONDS)
    found.at = now
    return found.message_id
