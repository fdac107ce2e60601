"""The working folders port; `shared/quota.py` is its implementation."""

from pathlib import Path
from typing import Protocol


class WorkFolders(Protocol):
    """Working folders with a quota on bytes and files."""

    def make(self, name: str, size: int, files: int) -> Path:
        """The folder, made if it is not there yet; raises `QuotaUnavailable`."""
        ...

    def path(self, name: str) -> Path: ...

    def remove(self, name: str) -> None:
        """Gone when it returns; a missing one is fine."""
        ...

    def tidy(self) -> None:
        """Take away what a killed process left half made; before anything else is asked for."""
        ...
