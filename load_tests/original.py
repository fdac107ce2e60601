"""The policy of the gene-annotation service, as its author described it: what ours is compared with.

Web: one more server per five minutes while requests exceed 200 a minute, one fewer while answers
take less than 10 ms. Workers: one more while many messages were sent, one fewer while few were.
Both from 2 to 10. It is given here what it did not have: a worker that is busy is never ended.
"""

from collections import deque
from dataclasses import dataclass, field

from load_tests.simulator import Seen
from load_tests.web_model import WebSeen

LEAST, MOST = 2, 10
COOLDOWN = 300.0
WINDOW = 600.0
"""Seconds over which sent messages were summed."""
MANY, FEW = 50, 5
REQUESTS_PER_MINUTE = 200.0
QUICK_SECONDS = 0.010


@dataclass
class OriginalWorkers:
    """On messages sent, whatever waits."""

    _sent: deque[tuple[float, int]] = field(default_factory=deque)
    _count: int = LEAST
    _changed: float = -COOLDOWN

    def desired(self, seen: Seen, *, busy: int, present: int, now: float) -> int:
        self._sent.append((seen.at, seen.sent))
        while len(self._sent) > 1 and seen.at - self._sent[1][0] >= WINDOW:
            self._sent.popleft()
        sent = seen.sent - self._sent[0][1]
        if now - self._changed >= COOLDOWN:
            step = (sent > MANY) - (sent < FEW)
            count = min(MOST, max(LEAST, self._count + step))
            if count != self._count:
                self._count, self._changed = count, now
        return self._count


@dataclass
class OriginalWeb:
    """Out on request count, in on response time: both can hold at once, and then it goes to and fro."""

    _changed: float = -COOLDOWN

    def desired(self, seen: WebSeen, *, present: int, now: float) -> int:
        if now - self._changed < COOLDOWN:
            return present
        count = present
        if seen.requests_per_minute > REQUESTS_PER_MINUTE:
            count = min(MOST, present + 1)
        if seen.response_seconds < QUICK_SECONDS and count == present:
            count = max(LEAST, present - 1)
        if count != present:
            self._changed = now
        return count
