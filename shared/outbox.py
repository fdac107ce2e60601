"""What must be published, written in the transaction that makes it true; web's relay sends it."""

from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import tracing
from shared.db import now_ms
from shared.events import Event, encode
from shared.ids import new_id
from shared.schema.messages import Outbox

E = TypeVar("E", bound=Event)

DOORBELL = "relay"
"""Ring this after the commit; without it the relay looks every second."""


def make(
    session: Session, kind: type[E], *, at: int | None = None, trace: str = "", **ids: str
) -> E:
    """An event of this kind with a new id and the database's time, which the caller may know."""
    if at is None:
        at = session.execute(select(now_ms())).scalar_one()
    return kind.model_validate(
        {"event_id": new_id("evt"), "at": at, "trace": trace or tracing.current(), **ids}
    )


def add(session: Session, event: Event) -> None:
    """Publish the event if, and only if, the caller's transaction commits."""
    session.add(Outbox(id=event.event_id, body=encode(event), at=event.at))


def announce(
    session: Session, kind: type[E], *, at: int | None = None, trace: str = "", **ids: str
) -> E:
    """`make` and `add` in one step."""
    event = make(session, kind, at=at, trace=trace, **ids)
    add(session, event)
    return event
