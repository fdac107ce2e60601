"""In which order the bytes of two streams came; pure."""

from collections.abc import Iterable, Iterator

from shared.work import Stream

STREAMS: tuple[Stream, Stream] = ("stdout", "stderr")
MOST_TURNS = 50_000
"""Even: the last two hold all the rest, one of each stream."""


class StreamOrder:
    """Counts bytes of stdout, then of stderr, then of stdout … in turns."""

    def __init__(self, most: int = MOST_TURNS) -> None:
        self._most = most
        self._turns: list[int] = []
        self._sizes: dict[Stream, int] = dict.fromkeys(STREAMS, 0)

    def add(self, stream: Stream, size: int) -> None:
        """The next bytes are of this stream."""
        if size <= 0:
            return
        self._sizes[stream] += size
        which = STREAMS.index(stream)
        if not self._turns and which:
            self._turns.append(0)
        last = len(self._turns) - 1
        if last >= 0 and last % 2 == which:
            self._turns[last] += size
        elif len(self._turns) < self._most:
            self._turns.append(size)
        else:
            self._turns[self._most - 2 + which] += size

    def size(self, stream: Stream) -> int:
        """Bytes counted of this stream."""
        return self._sizes[stream]

    def turns(self) -> list[int]:
        """Sizes in turn, the first of stdout (it may be 0)."""
        return list(self._turns)


def spans(turns: Iterable[int]) -> Iterator[tuple[Stream, int]]:
    """Each turn's stream and the offset in it at which the turn ends."""
    ends: dict[Stream, int] = dict.fromkeys(STREAMS, 0)
    for n, size in enumerate(turns):
        stream = STREAMS[n % 2]
        ends[stream] += size
        yield stream, ends[stream]
