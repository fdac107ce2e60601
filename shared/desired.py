"""What the scaler and the supervisor of one machine tell each other, in two small files. Standard library only."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

DESIRED = "desired.json"
"""Written by the scaler: how many processes of each group there should be."""
RUNNING = "running.json"
"""Written by the supervisor: how many there are."""


def folder_of(data: Path) -> Path:
    """Where the files of an installation lie."""
    return data / "scaling"


def write(folder: Path, name: str, counts: Mapping[str, int]) -> None:
    """All of it or nothing, for whoever reads at this moment."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = folder / f".{name}.{os.getpid()}"
    new.write_text(json.dumps(dict(counts)))
    new.replace(folder / name)


def read(folder: Path, name: str) -> dict[str, int]:
    """The counts that make sense; empty where nothing was written."""
    try:
        found = json.loads((folder / name).read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        str(key): value
        for key, value in found.items()
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0
    }
