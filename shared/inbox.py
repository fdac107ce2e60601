"""Each consumer handles an event once, however often the bus delivers it."""

from sqlalchemy.orm import Session

from shared.db import insert_new, now_ms
from shared.events import Event
from shared.schema.messages import Inbox


def seen(session: Session, consumer: str, event: Event) -> bool:
    """Whether this consumer has handled the event; if not, it has once the caller's transaction commits."""
    return seen_id(session, consumer, event.event_id)


def seen_id(session: Session, consumer: str, event_id: str) -> bool:
    """As `seen`, for what comes from outside and has an id of its own."""
    new = insert_new(session, Inbox).values(consumer=consumer, event_id=event_id, at=now_ms())
    return session.execute(new.returning(Inbox.event_id)).first() is None
