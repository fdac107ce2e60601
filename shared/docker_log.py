"""The engine's multiplexed streams and its log, byte by byte."""

import struct
from collections.abc import Iterable, Iterator
from typing import Protocol

from shared.work import Stream

_STREAMS: dict[int, Stream] = {1: "stdout", 2: "stderr"}


class _Readable(Protocol):
    def read(self, amt: int) -> bytes: ...


def frames(source: _Readable) -> Iterator[tuple[Stream, bytes]]:
    """Frame by frame until the end."""
    while True:
        header = source.read(8)
        if len(header) < 8:
            return
        number, size = struct.unpack(">BxxxL", header)
        data = source.read(size)
        if data:
            yield _STREAMS[number], data
        if len(data) < size:
            return


class LogReader:
    """Picks what is new out of a log, with timestamps, that is read again and again from its start."""

    def __init__(self) -> None:
        self._first: dict[Stream, bytes] = {}
        self._given: dict[Stream, int] = {}
        self._last: dict[Stream, bytes] = {}

    def new(self, entries: Iterable[tuple[Stream, bytes]]) -> Iterator[tuple[Stream, bytes]]:
        """Entries not given before; where old ones were rotated away, those with a later time."""
        counted: dict[Stream, int] = {}
        rotated: set[Stream] = set()
        for stream, entry in entries:
            time, _, data = entry.partition(b" ")
            number = counted[stream] = counted.get(stream, 0) + 1
            if number == 1 and time != self._first.setdefault(stream, time):
                rotated.add(stream)
                self._first[stream] = time
            if stream in rotated:
                known = time <= self._last[stream]
            else:
                known = number <= self._given.get(stream, 0)
            if not known:
                self._last[stream] = time
                yield stream, data
        self._given |= counted
