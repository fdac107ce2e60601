"""Processes of this machine: the supervisor (`cli/groups.py`) reads what is written here."""

from collections.abc import Collection
from pathlib import Path

from shared import desired as files
from web.worker_groups import Standing


class LocalGroups:
    """Whoever holds a job decides itself not to go (`shared/retire.py`)."""

    def __init__(self, data: Path) -> None:
        self._folder = files.folder_of(data)

    def standing(self, group: str) -> Standing:
        return Standing(files.read(self._folder, files.RUNNING).get(group, 0))

    def follow(self, group: str, desired: int, holders: Collection[str]) -> None:
        told = files.read(self._folder, files.DESIRED)  # a supervisor that starts takes it away
        if told.get(group) != desired:
            files.write(self._folder, files.DESIRED, {**told, group: desired})
