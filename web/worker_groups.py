"""The port to where workers live: this machine's supervisor, or EC2."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol


class GroupsUnreachable(Exception):
    """Nobody answers there just now."""


@dataclass(frozen=True)
class Standing:
    """What there is of a group."""

    running: int
    """Workers that have started, or are starting."""
    trouble: str = ""
    """Why it cannot grow now, in one sentence."""


class WorkerGroups(Protocol):
    """Groups by name: `runner`, `builder`, and `web` where it is scaled here."""

    def standing(self, group: str) -> Standing:
        """Raises `GroupsUnreachable`."""
        ...

    def follow(self, group: str, desired: int, holders: Collection[str]) -> None:
        """Let there be so many; `holders` are the lease owners that must not be ended."""
        ...
