"""Both streams of a program on the runner's own disk, whatever web or the network do."""

import hashlib
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from runner_service.send_queue import SendQueue
from shared.stream_order import STREAMS, StreamOrder
from shared.work import Stream

BATCH = 256 * 1024


@dataclass
class _Side:
    """One stream: `position` bytes were read in this process, `stored` are in the file."""

    descriptor: int
    stored: int
    position: int = 0
    differs: bool = False


class Spool:
    """Keeps the first `limit` bytes of each stream and counts the rest.

    The engine gives the output from its first byte to every reader, so a successor feeds it all
    again: what is stored already is compared and skipped.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._changed = threading.Condition()
        self._ended = False
        self._nudged = False
        self._queue = SendQueue()
        self._order = StreamOrder()
        self._sides: dict[Stream, _Side] = {}
        for stream in STREAMS:
            descriptor = os.open(self.path(stream), os.O_RDWR | os.O_CREAT, 0o600)
            self._sides[stream] = _Side(descriptor, os.fstat(descriptor).st_size)

    def path(self, stream: Stream) -> Path:
        return self._folder / stream

    def begin_again(self) -> None:
        """The next bytes fed are the program's first ones."""
        self._order = StreamOrder()
        for side in self._sides.values():
            side.position = 0

    def feed(self, stream: Stream, data: bytes) -> None:
        """The next bytes of a stream."""
        side = self._sides[stream]
        start = side.position
        side.position += len(data)
        known = data[: max(0, side.stored - start)]
        if known and os.pread(side.descriptor, len(known), start) != known:
            side.differs = True  # the engine's own log has lost its beginning
        if side.differs:
            return
        new = data[len(known) : max(0, self._limit - start)]
        if new:
            _write_all(side.descriptor, new, side.stored)
            side.stored += len(new)
        self._order.add(stream, min(side.position, side.stored) - start)
        with self._changed:
            self._queue.available(stream, min(side.position, side.stored))
            self._changed.notify_all()

    def end(self) -> None:
        """No more will be fed."""
        with self._changed:
            for stream, side in self._sides.items():
                self._queue.available(stream, side.stored)
            self._ended = True
            self._changed.notify_all()

    def nudge(self) -> None:
        """Wake whoever waits for a batch: there is something else to tell."""
        with self._changed:
            self._nudged = True
            self._changed.notify_all()

    def wait_ended(self, timeout: float) -> None:
        """Until the streams have ended, somebody nudges, or time is up."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._nudged, timeout)

    def next_batch(self, timeout: float) -> tuple[Stream, int, bytes] | None:
        """Stream, offset and up to 256 KiB of the oldest bytes not sent; None when there are none."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._ended or self._nudged, timeout)
            self._nudged = False
            first = self._queue.first(BATCH)
        if first is None:
            return None
        stream, offset, size = first
        return stream, offset, os.pread(self._sides[stream].descriptor, size, offset)

    def sent(self, stream: Stream, next_offset: int) -> None:
        """The receiver goes on at this offset."""
        with self._changed:
            self._queue.has(stream, next_offset)

    def all_sent(self) -> bool:
        """Whether the streams have ended and nothing waits to be sent."""
        with self._changed:
            return self._ended and not self._queue

    def size(self, stream: Stream) -> int:
        """Bytes that the program wrote, kept or not."""
        side = self._sides[stream]
        return max(side.position, side.stored)

    def kept(self, stream: Stream) -> int:
        return self._sides[stream].stored

    def incomplete(self, stream: Stream) -> bool:
        """Whether bytes were lost while nobody read the engine's log."""
        side = self._sides[stream]
        return side.differs or side.position < side.stored

    def order(self) -> list[int]:
        """How the kept bytes took turns (`StreamOrder.turns`); those not read again come last."""
        for stream, side in self._sides.items():
            self._order.add(stream, side.stored - self._order.size(stream))
        return self._order.turns()

    def sha256(self, stream: Stream) -> str:
        """Of the bytes that are kept."""
        with self.path(stream).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def tail(self, size: int) -> bytes:
        """The last kept bytes of both streams."""
        return b"\n".join(
            os.pread(side.descriptor, size, max(0, side.stored - size))
            for side in self._sides.values()
        )

    def close(self) -> None:
        for side in self._sides.values():
            os.close(side.descriptor)


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
