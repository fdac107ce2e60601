"""Wakes waiting readers in this process when something of theirs has been committed."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Ear:
    """One waiting reader; it hears every ring since it began to listen or last heard."""

    def __init__(self) -> None:
        self._rung = threading.Event()

    def ring(self) -> None:
        self._rung.set()

    def wait(self, seconds: float) -> bool:
        """Whether it rang within `seconds`."""
        heard = self._rung.wait(seconds)
        self._rung.clear()
        return heard


class Bell:
    """Topics are a job's id, `account:<id>` or `worker:<name>`; read what changed after listening."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ears: dict[str, list[Ear]] = defaultdict(list)

    def ring(self, *topics: str) -> None:
        """Wake whoever listens to any of these topics; call it after the commit."""
        with self._lock:
            ears = [ear for topic in topics for ear in self._ears.get(topic, ())]
        for ear in ears:
            ear.ring()

    @contextmanager
    def listen(self, *topics: str) -> Iterator[Ear]:
        """An ear for these topics; begin to listen before reading, so that nothing is missed."""
        ear = Ear()
        with self._lock:
            for topic in topics:
                self._ears[topic].append(ear)
        try:
            yield ear
        finally:
            with self._lock:
                for topic in topics:
                    self._ears[topic].remove(ear)
                    if not self._ears[topic]:
                        del self._ears[topic]
