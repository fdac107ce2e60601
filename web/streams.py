"""A run or build followed live by server-sent events, resumable at any byte.

`GET /api/v1/runs/<id>/events` and `GET /api/v1/builds/<id>/events` (session cookie or bearer
token). Every event's `data` is one JSON object:

    event: log      {"stream": "stdout"|"stderr", "offset": 120, "data": "<base64>"}
                    bytes [offset, offset + len) of that stream; a build uses `stdout`
    event: phase    {"seq": 3, "phase": "running", "detail": "", "at": 1700000000000, "fence": 1}
                    all phases so far are sent again after a reconnect: key them by `seq`
    event: state    {"state": "running", "fence": 1, "cancelling": false, "reason": "",
                    "started_at": 1700000000000|null, "elapsed": 3.2|null}
    event: queue    {"position": 2, "expected_seconds": 14.0|null}
                    while it waits: 1 is next; sent when it changes
    event: restart  {"fence": 2}
                    another worker starts it again: empty both streams, offsets begin at 0
    event: end      {"state", "exit_code", "signal", "oom", "reason", "seconds",
                    "streams": {"stdout": {"size", "kept"}, "stderr": {…}}}
                    nothing follows; close the EventSource, or it would connect again

An ended run's streams come in the order in which it wrote them, where that is known.

`id:` is `<fence>:<stdout offset>:<stderr offset>`, the position after the event. A reader goes on
by the header `Last-Event-ID` (EventSource sends it by itself) or `?from=<id>`; without either it
begins at byte 0 of the current attempt. A comment every 15 s keeps the connection open. No stream
outlives the reader's right to see the job: it is checked again every 30 s. Above the limit of
open streams the answer is 503 with `Retry-After`.
"""

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import select

from shared.objects import NotFound
from shared.schema.runs import JobEvent, Run
from shared.stream_order import STREAMS
from shared.work import Kind, Manifest, Stream
from web import jobs, live_logs, queue_position, replay
from web.jobs import TERMINAL
from web.ports import WebPorts
from web.queue_position import Place
from web.refusals import Invalid

HEARTBEAT_SECONDS = 15.0
RECHECK_SECONDS = 30.0
POLL_SECONDS = 1.0
"""The bell rings at once in this process; this finds what another process has committed."""
_GATHER_SECONDS = 0.02
_CHUNK = 128 * 1024
_EVENTS_AT_ONCE = 1000
_POSITION = re.compile(r"(\d{1,18}):(\d{1,18}):(\d{1,18})")


@dataclass
class Position:
    """What a reader has: an attempt's fence (None: nothing yet) and its offsets."""

    fence: int | None = None
    offsets: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STREAMS, 0))

    @classmethod
    def parse(cls, text: str | None) -> "Position":
        """From an event's id; raises `Invalid`."""
        if not text:
            return cls()
        found = _POSITION.fullmatch(text)
        if found is None:
            raise Invalid("A stream's position is <fence>:<stdout offset>:<stderr offset>.")
        fence, stdout, stderr = (int(part) for part in found.groups())
        return cls(fence, {"stdout": stdout, "stderr": stderr})

    def __str__(self) -> str:
        return f"{self.fence or 0}:{self.offsets['stdout']}:{self.offsets['stderr']}"


@dataclass(frozen=True)
class _Snapshot:
    fence: int
    state: dict[str, Any]
    phases: list[dict[str, Any]]
    place: Place | None
    end: dict[str, Any] | None
    """What is told at a terminal state."""
    order: str | None
    """Key of the order in which an ended run wrote its streams, where it is known."""


def follow(
    ports: WebPorts,
    kind: Kind,
    job_id: str,
    position: Position,
    may_see: Callable[[], bool],
    given_up: Callable[[], bool] = lambda: False,
) -> Iterator[bytes]:
    """The events from `position` to the job's end, or until nobody may see it any more.

    `given_up`: its place is somebody else's by now; the reader comes again.
    """
    reader = _Reader(ports, kind, job_id, position)
    with ports.bell.listen(job_id) as ear:
        spoke = checked = time.monotonic()
        yield b"retry: 1000\n\n"
        while not (ports.stopping() or given_up()):
            looked = time.monotonic()
            told = b"".join(reader.news())
            if told:
                yield told
                spoke = time.monotonic()
            if reader.finished:
                return
            now = time.monotonic()
            if now - checked >= RECHECK_SECONDS:
                if not may_see():
                    return
                checked = now
            if now - spoke >= HEARTBEAT_SECONDS:
                yield b": still here\n\n"
                spoke = now
            if not reader.more and ear.wait(POLL_SECONDS):
                # a chatty tool rings often: one answer for many
                time.sleep(max(0.0, looked + _GATHER_SECONDS - time.monotonic()))


class _Reader:
    """What has been told so far; `news` tells the rest."""

    def __init__(self, ports: WebPorts, kind: Kind, job_id: str, position: Position) -> None:
        self._ports = ports
        self._kind: Kind = kind
        self._id = job_id
        self._at = position
        self._seq = 0
        self._state: dict[str, Any] | None = None
        self._place: Place | None = None
        self._replay: Iterator[replay.Piece] | None = None
        self.finished = False
        self.more = False

    def news(self) -> Iterator[bytes]:
        """Events since the last call. The state is read before the logs, so that `end` is last."""
        snapshot = self._snapshot()
        if snapshot is None:
            self.finished = True
            return
        if self._at.fence != snapshot.fence:
            began = bool(self._at.fence)
            self._at = Position(snapshot.fence)
            if began:
                yield self._event("restart", {"fence": snapshot.fence})
        for phase in snapshot.phases:
            self._seq = phase["seq"]
            yield self._event("phase", phase)
        if self._state is None or _lasting(self._state) != _lasting(snapshot.state):
            self._state = snapshot.state
            yield self._event("state", snapshot.state)
        if snapshot.place is not None and snapshot.place != self._place:
            yield self._event("queue", asdict(snapshot.place))
        self._place = snapshot.place
        if snapshot.order is None:
            yield from self._logs(snapshot)
        else:
            yield from self._replayed(snapshot.order, snapshot)

    def _replayed(self, order: str, snapshot: _Snapshot) -> Iterator[bytes]:
        """The next part of an ended run, in the order in which it was written."""
        if self._replay is None:

            def read(stream: Stream, offset: int) -> bytes:
                return self._read(stream, offset, snapshot.fence).data

            turns = replay.turns_at(self._ports.objects, order)
            self._replay = replay.pieces(turns, self._at.offsets, read)
        self.more = True
        size = count = 0
        while size < _CHUNK and count < _EVENTS_AT_ONCE:
            try:
                piece = next(self._replay, None)
            except NotFound:  # kept elsewhere by now: the rest of the end is still told
                piece = None
            if piece is None:
                self.finished = True
                yield self._event("end", snapshot.end or {})
                return
            yield self._log(*piece)
            size, count = size + len(piece[2]), count + 1

    def _logs(self, snapshot: _Snapshot) -> Iterator[bytes]:
        self.more = False
        ended = True
        for stream in STREAMS:
            offset = self._at.offsets[stream]
            try:
                part = self._read(stream, offset, snapshot.fence)
            except NotFound:  # the whole log is kept elsewhere: the rest of the end is still told
                continue
            if part.fence != snapshot.fence:  # another attempt has begun meanwhile
                self.more = True
                return
            if part.data:
                yield self._log(stream, offset, part.data)
                self.more = self.more or (not part.ended and len(part.data) >= _CHUNK)
            ended = ended and part.ended
        if snapshot.end is not None:
            if ended:
                yield self._event("end", snapshot.end)
                self.finished = True
            self.more = True

    def _read(self, stream: Stream, offset: int, fence: int) -> live_logs.Part:
        return live_logs.read(
            self._ports.transactions,
            self._ports.objects,
            self._kind,
            self._id,
            stream,
            offset,
            _CHUNK,
            fence=fence,
        )

    def _log(self, stream: Stream, offset: int, data: bytes) -> bytes:
        self._at.offsets[stream] = offset + len(data)
        text = base64.b64encode(data).decode()
        return self._event("log", {"stream": stream, "offset": offset, "data": text})

    def _event(self, name: str, data: dict[str, Any]) -> bytes:
        return f"event: {name}\nid: {self._at}\ndata: {json.dumps(data)}\n\n".encode()

    def _snapshot(self) -> _Snapshot | None:
        with self._ports.transactions.read() as session:
            job = jobs.find(session, self._kind, self._id)
            if job is None:
                return None
            now = jobs.clock(session)
            rows = session.scalars(
                select(JobEvent)
                .where(JobEvent.job_id == self._id, JobEvent.seq > self._seq)
                .order_by(JobEvent.seq)
            ).all()
            place = queue_position.place(session, job)
        phases = [
            {"seq": r.seq, "phase": r.phase, "detail": r.detail, "at": r.at, "fence": r.fence}
            for r in rows
        ]
        until = job.finished_at or now
        state = {
            "state": job.state,
            "fence": job.fence,
            "cancelling": job.cancel_requested_at is not None and job.state not in TERMINAL,
            "reason": job.reason,
            "started_at": job.started_at,
            "elapsed": None if job.started_at is None else (until - job.started_at) / 1000,
        }
        if job.state not in TERMINAL:
            return _Snapshot(job.fence, state, phases, place, None, None)
        manifest = _manifest(job)
        order = manifest.order if manifest else None
        return _Snapshot(job.fence, state, phases, place, _end(job, manifest), order)


def _lasting(state: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name != "elapsed"}


def _manifest(job: jobs.Job) -> Manifest | None:
    if isinstance(job, Run) and job.manifest is not None:
        return Manifest.model_validate(job.manifest)
    return None


def _end(job: jobs.Job, manifest: Manifest | None) -> dict[str, Any]:
    ended: dict[str, Any] = {"state": job.state, "reason": job.reason}
    run = job if isinstance(job, Run) else None
    for name in ("exit_code", "signal", "oom", "seconds"):
        ended[name] = getattr(run, name) if run else None
    ended["streams"] = {}
    if manifest is not None:
        for stream, kept in zip(STREAMS, (manifest.stdout, manifest.stderr), strict=True):
            ended["streams"][stream] = {"size": kept.size, "kept": kept.kept}
    return ended
