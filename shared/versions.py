"""The versions port: objects that a backup lists and that were deleted from their store since."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Looked:
    """How many of the listed objects are there, what hides those that can be brought back, and the lost."""

    there: int
    hidden: Mapping[str, list[str]]
    gone: list[str]


class Versions(Protocol):
    def look(self, wanted: Mapping[str, int]) -> Looked:
        """Compare with a backup's list: when each key was stored, milliseconds since 1970 UTC.

        Raises `BackupError` where one may not.
        """
        ...

    def bring_back(self, looked: Looked) -> None:
        """What is hidden is there again; raises `BackupError` where one may not."""
        ...
