"""Each consumer handles an event once, however often the bus delivers it."""

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from shared.db import now_ms
from shared.events import Event
from shared.schema.messages import Inbox


def seen(session: Session, consumer: str, event: Event) -> bool:
    """Whether this consumer has handled the event; if not, it has once the caller's transaction commits."""
    return seen_id(session, consumer, event.event_id)


def seen_id(session: Session, consumer: str, event_id: str) -> bool:
    """As `seen`, for what comes from outside and has an id of its own."""
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    insert = sqlite.insert(Inbox) if on_sqlite else postgresql.insert(Inbox)
    statement = (
        insert.values(consumer=consumer, event_id=event_id, at=now_ms())
        .on_conflict_do_nothing()
        .returning(Inbox.event_id)
    )
    return session.execute(statement).first() is None
