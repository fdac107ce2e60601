"""An ended run's streams told in the order in which they were written, from any position."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from shared.objects import NotFound, Objects
from shared.stream_order import MOST_TURNS, STREAMS, spans
from shared.work import Stream

Read = Callable[[Stream, int], bytes]
Piece = tuple[Stream, int, bytes]
_MOST_BYTES = 1 << 20


def turns_at(objects: Objects, key: str) -> list[int]:
    """The order stored at `key`; empty, as if none were known, when it is gone or is no order."""
    try:
        with objects.open(key) as file:
            data = file.read(_MOST_BYTES + 1)
        turns = json.loads(data) if len(data) <= _MOST_BYTES else []
    except (NotFound, ValueError):
        return []
    if not isinstance(turns, list) or len(turns) > MOST_TURNS:
        return []
    return turns if all(type(size) is int and size >= 0 for size in turns) else []


def pieces(turns: Sequence[int], position: Mapping[str, int], read: Read) -> Iterator[Piece]:
    """Stream, offset and bytes of all that follows `position`.

    `read` gives some bytes from an offset on, none at the stream's end. A position that a reader
    reached in another order is as good: each stream goes on at its own offset. Bytes that the order
    does not know come last.
    """
    offsets = {stream: position[stream] for stream in STREAMS}
    blocks = {stream: _Block(stream, read) for stream in STREAMS}
    for stream, end in spans(turns):
        while offsets[stream] < end and (data := blocks[stream].at(offsets[stream], end)):
            yield stream, offsets[stream], data
            offsets[stream] += len(data)
    for stream in STREAMS:
        while data := blocks[stream].at(offsets[stream], None):
            yield stream, offsets[stream], data
            offsets[stream] += len(data)


class _Block:
    """The part of a stream that was read last, so that a short turn costs no read of its own."""

    def __init__(self, stream: Stream, read: Read) -> None:
        self._stream = stream
        self._read = read
        self._start = 0
        self._data = b""

    def at(self, offset: int, end: int | None) -> bytes:
        if not self._start <= offset < self._start + len(self._data):
            self._start, self._data = offset, self._read(self._stream, offset)
        first = offset - self._start
        return self._data[first:] if end is None else self._data[first : end - self._start]
