"""A build's log: bounded on our own disk, sent to web as it grows, never waited for by the build."""

import os
import threading
from collections import deque
from pathlib import Path

import structlog

from shared.control import Control, Lost, Refused, Unavailable, WrongOffset, through_outages
from shared.work import BuildAssignment, BuildPhase, UploadObject

log = structlog.get_logger()
_CHUNK = 256 * 1024
_GATHER_SECONDS = 0.1
STREAM = "stdout"


class BuildLog:
    """One stream; what is written beyond the limit is counted and dropped, and said so once."""

    def __init__(self, path: Path, limit: int) -> None:
        self.path = path
        self._limit = limit
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        self._changed = threading.Condition()
        self._phases: deque[BuildPhase] = deque()
        self._stored = 0
        self._tail = b""
        self._full = False
        self._closed = False

    def write(self, data: bytes) -> None:
        with self._changed:
            self._tail = (self._tail + data)[-8000:]
            room = self._limit - self._stored
            if len(data) > room and not self._full:
                self._full = True
                data = data[:room] + b"\n(the log is full; the rest was left out)\n"
            elif self._full:
                return
            os.pwrite(self._descriptor, data, self._stored)
            self._stored += len(data)
            self._changed.notify_all()

    def say(self, line: str) -> None:
        """A line of ours, told apart from the tools' by its mark."""
        self.write(f"--- {line}\n".encode())

    def phase(self, phase: BuildPhase) -> None:
        self.say(phase)
        with self._changed:
            self._phases.append(phase)
            self._changed.notify_all()

    def tail(self) -> str:
        """The last few kilobytes that were written, kept or not."""
        return self._tail.decode(errors="replace")

    def forget_tail(self) -> None:
        """What follows is somebody else's last words."""
        with self._changed:
            self._tail = b""

    def end(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def close(self) -> None:
        os.close(self._descriptor)

    def gather(self, seconds: float) -> None:
        """Let more lines come, unless none will: the log has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed, seconds)

    def next(self, offset: int) -> tuple[BuildPhase | None, bytes] | None:
        """A phase to tell or the bytes from `offset`; None when everything was sent and the log has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._phases or self._stored > offset or self._closed)
            if self._phases:
                return self._phases.popleft(), b""
            if self._stored > offset:
                return None, os.pread(self._descriptor, _CHUNK, offset)
            return None


class LogSender:
    """Sends phases and bytes of a build's log in order; goes on through outages until all is sent."""

    def __init__(
        self, source: BuildLog, control: Control, lease: BuildAssignment, give_up: threading.Event
    ) -> None:
        self._source = source
        self._control = control
        self._lease = lease
        self._give_up = give_up
        self.lost = threading.Event()
        self._thread = threading.Thread(target=self._send_all, name="build-log", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def flush(self) -> None:
        """Returns when everything is with web, or the lease is lost."""
        self._thread.join()

    def _send_all(self) -> None:
        offset, quiet = 0, False
        try:
            while not self._give_up.is_set() and (batch := self._source.next(offset)) is not None:
                phase, data = batch
                try:
                    if phase is not None:
                        self._patiently_phase(phase)
                        continue
                    offset = offset + len(data) if quiet else self._patiently_log(offset, data)
                except WrongOffset as wrong:
                    offset = wrong.next
                except Refused as error:
                    log.error("build_log_refused", reason=str(error))
                    quiet = quiet or phase is None
                if len(data) < _CHUNK:  # a request a line would wear out web
                    self._source.gather(_GATHER_SECONDS)
        except Lost:
            self.lost.set()
        except Unavailable:
            pass  # told to give up while waiting for web

    def _patiently_phase(self, phase: BuildPhase) -> None:
        through_outages(
            lambda: self._control.phase("build", self._lease, phase), stop=self._give_up
        )

    def _patiently_log(self, offset: int, data: bytes) -> int:
        return through_outages(
            lambda: self._control.log("build", self._lease, STREAM, offset, data),
            stop=self._give_up,
        )


def upload(
    control: Control,
    lease: BuildAssignment,
    name: str,
    path: Path,
    sha256: str,
    stop: threading.Event,
) -> str:
    """Store one file of this attempt; its key."""
    wanted = [UploadObject(name=name, size=path.stat().st_size, sha256=sha256)]

    def once() -> str:
        targets = control.uploads("build", lease, wanted)
        control.put(targets.urls[name], path, targets.headers.get(name))
        return targets.keys[name]

    return through_outages(once, stop=stop)
