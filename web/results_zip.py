"""A run's results as one zip, written while it is sent: nothing is gathered in memory or on disk."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.objects import NotFound, Objects
from shared.schema.runs import Output, Run
from shared.work import Manifest

_CHUNK = 256 * 1024
_DATE = (1980, 1, 1, 0, 0, 0)  # the same results make the same zip


@dataclass(frozen=True)
class Entry:
    """A name in the zip and the object that holds its bytes (None: it is empty)."""

    name: str
    key: str | None


def entries(run: Run, outputs: Sequence[Output]) -> list[Entry]:
    """Both streams, and the outputs below `files/`."""
    found: list[Entry] = []
    if run.manifest is not None:
        manifest = Manifest.model_validate(run.manifest)
        found += [Entry("stdout", manifest.stdout.key), Entry("stderr", manifest.stderr.key)]
    return found + [Entry(f"files/{output.path}", output.key) for output in outputs]


def stream(objects: Objects, wanted: Sequence[Entry]) -> Iterator[bytes]:
    """The zip's bytes; an object that is gone leaves a note in its place."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:
        for entry in wanted:
            name = zipfile.ZipInfo(entry.name, _DATE)
            name.compress_type = zipfile.ZIP_DEFLATED
            name.external_attr = 0o644 << 16
            try:
                source = io.BytesIO() if entry.key is None else objects.open(entry.key)
            except NotFound:
                name.filename += ".missing"
                source = io.BytesIO(b"This file is not stored here any more.\n")
            with source, archive.open(name, "w", force_zip64=True) as target:
                while data := source.read(_CHUNK):
                    target.write(data)
                    if len(sink) >= _CHUNK:
                        yield sink.take()
    yield sink.take()


class _Sink(io.RawIOBase):
    """Takes what the zip writer writes, and gives it away; it cannot seek."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        self._parts.append(part)
        self._size += len(part)
        return len(part)

    def take(self) -> bytes:
        """What has been written since the last call."""
        taken = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        return taken
