"""Which bytes of two streams go out next, in the order in which the program wrote them; pure."""

from collections import deque

from shared.stream_order import STREAMS
from shared.work import Stream

_MANY_PIECES = 200
"""A request each; an ended run's order is stored apart (`StreamOrder`)."""


class SendQueue:
    """Pieces of streams that wait; bytes that the receiver is known to have are never queued again."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[Stream, int]] = deque()
        self._next: dict[Stream, int] = dict.fromkeys(STREAMS, 0)
        """Offset of the first byte that waits."""
        self._queued: dict[Stream, int] = dict.fromkeys(STREAMS, 0)
        """Offset behind the last byte that waits."""

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def available(self, stream: Stream, end: int) -> None:
        """The stream can be read up to `end`."""
        size = end - self._queued[stream]
        if size <= 0:
            return
        self._queued[stream] = end
        if self._pieces and self._pieces[-1][0] == stream:
            size += self._pieces.pop()[1]
        self._pieces.append((stream, size))
        if len(self._pieces) > _MANY_PIECES:
            # The receiver is far behind: bytes matter more than how the streams interleave.
            waiting = {s: self._queued[s] - self._next[s] for s in STREAMS}
            self._pieces = deque((s, n) for s, n in waiting.items() if n)

    def first(self, most: int) -> tuple[Stream, int, int] | None:
        """Stream, offset and size of what goes out next, or None."""
        if not self._pieces:
            return None
        stream, size = self._pieces[0]
        return stream, self._next[stream], min(size, most)

    def has(self, stream: Stream, end: int) -> None:
        """The receiver has everything of the stream before `end`, or wants it again from there."""
        done = end - self._next[stream]
        self._next[stream] = end
        self._queued[stream] = max(self._queued[stream], end)
        if done < 0:
            self._pieces.appendleft((stream, -done))
            return
        left: list[tuple[Stream, int]] = []
        while self._pieces and done > 0:
            other, size = self._pieces.popleft()
            if other == stream:
                taken = min(done, size)
                done -= taken
                size -= taken
            if size:
                left.append((other, size))
        self._pieces.extendleft(reversed(left))
