"""What the web processes of one machine are asked and how quickly they answer, noted in a file of each."""

import json
import os
import threading
import time
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path

import structlog
from flask import Flask, Response, g, request

from shared.desired import folder_of
from shared.scaling import WebLoad

log = structlog.get_logger()

BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds; what takes longer than the last counts as twice that."""
_EVERY = 2.0
_PERCENTILE = 0.95
_NOT_COUNTED = ("/api/v1/worker/", "/objects/", "/assets/", "/healthz", "/readyz", "/metrics")
"""Long polls by design, bodies as slow as the caller's line, and what costs nothing."""


class Notes:
    """Counts answers by duration; writes the sums at most every two seconds, and only after an answer."""

    def __init__(
        self, data: Path, clock: Callable[[], float] = time.monotonic, every: float = _EVERY
    ) -> None:
        self._folder = folder_of(data)
        self._clock = clock
        self._every = every
        self._lock = threading.Lock()
        self._counts = [0] * (len(BOUNDS) + 1)
        self._written = clock()

    def install(self, app: Flask) -> None:
        @app.after_request
        def count(response: Response) -> Response:
            if not request.path.startswith(_NOT_COUNTED):
                self.note(time.perf_counter() - g.get("began", time.perf_counter()))
            return response

    def note(self, seconds: float) -> None:
        with self._lock:
            self._counts[bisect_left(BOUNDS, seconds)] += 1
            if self._clock() - self._written < self._every:
                return
            self._written = self._clock()
            text = json.dumps(self._counts)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            new = self._folder / f".web.{os.getpid()}.{threading.get_ident()}"
            new.write_text(text)
            new.replace(self._folder / f"web.{os.getpid()}")
        except OSError as error:  # a full disk: whoever asked gets the answer all the same
            log.warning("load_not_noted", error=repr(error))


class Reader:
    """The load between two looks, of all web processes together."""

    def __init__(self, data: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder_of(data)
        self._clock = clock
        self._before = self._read()
        self._at = clock()

    def look(self) -> WebLoad:
        """Since the last look."""
        found, now = self._read(), self._clock()
        counts = [0] * (len(BOUNDS) + 1)
        for name, sums in found.items():
            before = self._before.get(name, [0] * len(sums))
            for n, (new, old) in enumerate(zip(sums, before, strict=True)):
                counts[n] += max(0, new - old)
        lasted, self._before, self._at = max(1e-3, now - self._at), found, now
        return WebLoad(60 * sum(counts) / lasted, _percentile(counts))

    def _read(self) -> dict[str, list[int]]:
        found = {}
        for file in self._folder.glob("web.*"):
            if not Path(f"/proc/{file.suffix[1:]}").exists():
                file.unlink(missing_ok=True)  # its process has ended
                continue
            try:
                sums = json.loads(file.read_bytes())
            except (OSError, ValueError):
                continue
            if isinstance(sums, list) and len(sums) == len(BOUNDS) + 1:
                found[file.name] = [int(n) for n in sums]
        return found


def _percentile(counts: list[int]) -> float:
    """The bound below which so many answers stayed; 0 where there were none."""
    left = _PERCENTILE * sum(counts)
    if not left:
        return 0.0
    for bound, count in zip((*BOUNDS, 2 * BOUNDS[-1]), counts, strict=True):
        left -= count
        if left <= 0:
            return bound
    return 2 * BOUNDS[-1]
