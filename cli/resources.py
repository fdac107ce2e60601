"""Where the API keeps what the commands speak about: paths and bodies, in this file only."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cli.api import Api
from cli.output import bytes_moved

V1 = "/api/v1"


def upload(api: Api, path: Path, name: str) -> str:
    """Send a file; its id."""
    with bytes_moved(f"sending {name}", path.stat().st_size) as moved:

        def body() -> dict[str, Any]:
            return {"files": {"file": (name, Told(path, moved), "application/octet-stream")}}

        return str(api.send(f"{V1}/files", body)["id"])


class Told:
    """A file that tells how much of it was read."""

    def __init__(self, path: Path, moved: Any) -> None:
        self._file = path.open("rb")
        self._moved = moved

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._moved(len(data))
        if not data:
            self._file.close()
        return data

    def __iter__(self) -> Iterator[bytes]:
        while data := self.read(1 << 16):
            yield data
