"""Addresses that get no more mail, and why."""

from typing import Literal

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from notifier.feedback import Feedback
from notifier.messages import one_line
from shared import inbox, mail_address
from shared.db import insert_new, now_ms
from shared.schema.deliveries import Delivery, Suppression

CONSUMER = "mail-feedback"
_REASON = 300


def find(session: Session, address: str) -> Suppression | None:
    """Why this address gets nothing, or None: it gets its mail."""
    return session.get(Suppression, mail_address.key(address))


def add(
    session: Session, address: str, kind: Literal["bounce", "complaint", "refused"], reason: str
) -> None:
    """No more mail from now on; the first reason stands."""
    session.execute(
        insert_new(session, Suppression).values(
            address=mail_address.key(address),
            kind=kind,
            reason=one_line(reason, _REASON),
            at=now_ms(),
        )
    )


def note(session: Session, feedback: Feedback) -> list[str]:
    """Follow the feedback, once; the addresses that are suppressed by it.

    Addresses that we never wrote to are left out: an SES account may serve others, too.
    """
    if inbox.seen_id(session, CONSUMER, feedback.id):
        return []
    told = {one for address in feedback.addresses for one in mail_address.spellings(address)}
    ours = session.scalars(
        select(Delivery.recipient).where(Delivery.recipient.in_(told)).distinct()
    ).all()
    for address in sorted(ours):
        add(session, address, feedback.kind, feedback.reason)
    return sorted(ours)


def lift(session: Session, address: str) -> bool:
    """Whether it was suppressed; it gets mail again."""
    found = session.execute(
        delete(Suppression)
        .where(Suppression.address == mail_address.key(address))
        .returning(Suppression.address)
    )
    return found.first() is not None
