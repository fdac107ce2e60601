"""What each process may do on RabbitMQ, as its patterns of names: exactly what its work needs (docs/permissions.md)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.bus_kombu import dead_exchange, exchange_name, later_name, queue_name
from shared.topology import TOPICS

_NOTHING = "^$"


@dataclass(frozen=True)
class Permissions:
    """As `rabbitmqctl set_permissions -p VHOST USER CONFIGURE WRITE READ` takes them."""

    configure: str
    write: str
    read: str


EVERYTHING = Permissions(".*", ".*", ".*")
"""The operator's: queues are made with it, dead letters read and put back."""


def of_kinds(prefix: str) -> dict[str, Permissions]:
    """For each kind of process that is to have a login of its own; web and janitor have no work there."""
    return {
        "utility": process(prefix, reads=["archiver", "notifier"], publishes=True),
        "builder": process(prefix, reads=["builder", "previewer"]),
        "runner": process(prefix, reads=["runner"]),
    }


def process(prefix: str, *, reads: Sequence[str] = (), publishes: bool = False) -> Permissions:
    """For a process that reads these queues, and announces events or does not."""
    write = [exchange_name(prefix, topic) for topic in TOPICS] if publishes else []
    if reads:  # what is put off or put away is published again
        write.append(dead_exchange(prefix))
    later = [re.escape(later_name(prefix, 0)).removesuffix("0") + "[0-9]+"] if reads else []
    return Permissions(
        _NOTHING,
        _any([*map(re.escape, write), *later]),
        _any([re.escape(queue_name(prefix, queue)) for queue in reads]),
    )


def _any(patterns: Sequence[str]) -> str:
    return f"^({'|'.join(patterns)})$" if patterns else _NOTHING
