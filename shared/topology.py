"""Who listens to what: every topic, queue and subscription of the system.

A queue is named for the service that reads it (the builder reads a second one, so that a look
at a repository is answered while every slot builds); a subscription names the event types that
reach the queue. `tests/test_architecture.py` compares this with `*/on_*.py`.
"""

from dataclasses import dataclass

from shared.events import (
    BuildFinished,
    BuildRequested,
    Event,
    PreviewRequested,
    RunFinished,
    RunRequested,
)

MAX_RECEIVES = 13
"""Deliveries of one message before it becomes a dead letter."""

VISIBILITY_SECONDS = 60
"""How long a received message is hidden while its handler works; long work claims a lease and acknowledges first."""


@dataclass(frozen=True)
class Subscription:
    """Events of these types, published to `topic`, are copied to `queue`."""

    topic: str
    queue: str
    events: tuple[type[Event], ...]


SUBSCRIPTIONS: tuple[Subscription, ...] = (
    Subscription("builds", "builder", (BuildRequested,)),
    Subscription("builds", "previewer", (PreviewRequested,)),
    Subscription("builds", "notifier", (BuildFinished,)),
    Subscription("runs", "runner", (RunRequested,)),
    Subscription("runs", "archiver", (RunFinished,)),
    Subscription("runs", "notifier", (RunFinished,)),
)

MAIL_FEEDBACK = "mail-feedback"
"""Topic and queue of bounces and complaints, which SES publishes: no events of ours, so no subscription above."""

TOPICS: tuple[str, ...] = tuple(sorted({s.topic for s in SUBSCRIPTIONS}))
QUEUES: tuple[str, ...] = tuple(sorted({s.queue for s in SUBSCRIPTIONS}))


def queues_for(event: Event) -> list[str]:
    """The queues that get a copy of this event."""
    return [s.queue for s in SUBSCRIPTIONS if isinstance(event, s.events)]
