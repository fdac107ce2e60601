"""Where the API keeps what several commands speak about."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cli.api import Api
from cli.output import bytes_moved

V1 = "/api/v1"
CHUNK = 1 << 18


def upload(api: Api, path: Path, name: str) -> str:
    """Send a file that the tool will see as `name`; its id."""
    size = path.stat().st_size
    with bytes_moved(f"sending {name}", size) as moved:

        def body() -> dict[str, Any]:
            headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
            return {"params": {"name": name}, "content": _read(path, moved), "headers": headers}

        return str(api.send(f"{V1}/files", body)["id"])


def _read(path: Path, moved: Callable[[int], None]) -> Iterator[bytes]:
    with path.open("rb") as file:
        while data := file.read(CHUNK):
            yield data
            moved(len(data))


def log_parts(api: Api, run: str, stream: str) -> Iterator[bytes]:
    """All bytes of a stream that exist now."""
    offset = 0
    while True:
        part = api.fetch(f"{V1}/runs/{run}/logs/{stream}", offset=offset)
        if not part.content:
            return
        yield part.content
        offset = int(part.headers["X-Next-Offset"])
