"""Live streams: workers append by offset, readers go on from any offset; the database keeps a bounded tail."""

from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from shared.db import Transactions, now_ms
from shared.objects import NotFound, Objects
from shared.schema.runs import LogChunk, Run
from shared.work import Kind, Manifest, Stream
from web import jobs, leases
from web.jobs import TERMINAL
from web.leases import Hold
from web.refusals import Absent, Conflict

MAX_CHUNK = 1 << 20
TAIL_BYTES = 1 << 20
"""Kept of a stream in the database; what is older moves into objects."""


_TRIES = 3


class _Moved(Exception):
    """Somebody else has moved or dropped these chunks."""


class Gap(Conflict):
    """Bytes are missing before the chunk; `details.next` is the offset to go on from."""

    code = "offset"

    def __init__(self, expected: int) -> None:
        super().__init__(f"The next chunk starts at {expected}.", details={"next": expected})


@dataclass(frozen=True)
class Part:
    """Bytes of attempt `fence` from `offset` on; `ended`: nothing will ever follow them."""

    fence: int
    offset: int
    data: bytes
    ended: bool


def append(session: Session, held: Hold, stream: Stream, offset: int, data: bytes) -> int:
    """Store what is new of the chunk; the next offset. Raises `LeaseLost`, and `Gap` where bytes are missing."""
    job = leases.hold(session, held)
    end = _end(session, job.id, job.fence, stream)
    if offset > end:
        raise Gap(end)
    new = data[end - offset :]
    if new:
        session.add(
            LogChunk(
                job_id=job.id,
                fence=job.fence,
                stream=stream,
                start=end,
                size=len(new),
                data=new,
                key=None,
                at=now_ms(),
            )
        )
    return end + len(new)


def _end(session: Session, job_id: str, fence: int, stream: str) -> int:
    last = session.execute(
        select(LogChunk.start, LogChunk.size)
        .where(LogChunk.job_id == job_id, LogChunk.fence == fence, LogChunk.stream == stream)
        .order_by(LogChunk.start.desc())
        .limit(1)
    ).one_or_none()
    return 0 if last is None else last.start + last.size


def spill(
    transactions: Transactions,
    objects: Objects,
    kind: Kind,
    job_id: str,
    stream: Stream,
    *,
    keep: int = TAIL_BYTES,
) -> None:
    """Move the oldest chunks of the current attempt into one object when more than `keep` bytes are stored.

    Half of the tail stays, so that not every chunk makes an object. Repeating it is safe.
    """
    with transactions.read() as session:
        job = jobs.find(session, kind, job_id)
        if job is None:
            return
        fence, attempt = job.fence, job.attempt
        stored = (LogChunk.job_id == job_id, LogChunk.fence == fence, LogChunk.stream == stream)
        hot = session.execute(
            select(func.min(LogChunk.start), func.max(LogChunk.start + LogChunk.size)).where(
                *stored, LogChunk.data.is_not(None)
            )
        ).one()
        if hot[0] is None or hot[1] - hot[0] <= keep:
            return
        chunks = session.scalars(
            select(LogChunk)
            .where(
                *stored,
                LogChunk.data.is_not(None),
                LogChunk.start + LogChunk.size <= hot[1] - keep // 2,
            )
            .order_by(LogChunk.start)
        ).all()
    if not chunks:
        return
    start, size = chunks[0].start, sum(chunk.size for chunk in chunks)
    key = f"{kind}s/{job_id}/{attempt}/live/{stream}/{start}-{size}"
    objects.put_bytes(key, b"".join(chunk.data or b"" for chunk in chunks))
    with suppress(_Moved), transactions.begin() as session:
        moved = session.execute(
            delete(LogChunk)
            .where(
                *stored,
                LogChunk.data.is_not(None),
                LogChunk.start >= start,
                LogChunk.start < start + size,
            )
            .returning(LogChunk.start)
        ).all()
        if len(moved) != len(chunks):
            raise _Moved
        session.add(
            LogChunk(
                job_id=job_id,
                fence=fence,
                stream=stream,
                start=start,
                size=size,
                data=None,
                key=key,
                at=now_ms(),
            )
        )


def drop(session: Session, job_id: str) -> list[str]:
    """Forget all live chunks of a job; the keys of their objects, to delete after the commit."""
    dropped = session.scalars(
        delete(LogChunk).where(LogChunk.job_id == job_id).returning(LogChunk.key)
    ).all()
    return [key for key in dropped if key is not None]


def read(
    transactions: Transactions,
    objects: Objects,
    kind: Kind,
    job_id: str,
    stream: Stream,
    offset: int,
    n: int = 256 * 1024,
    fence: int | None = None,
) -> Part:
    """Up to `n` bytes; when the attempt is no longer `fence`, from offset 0 of the current one."""
    for _ in range(_TRIES - 1):
        try:
            return _read(transactions, objects, kind, job_id, stream, offset, n, fence)
        except NotFound:
            continue  # the run ended meanwhile: its live objects are gone, the whole log is there
    return _read(transactions, objects, kind, job_id, stream, offset, n, fence)


def _read(
    transactions: Transactions,
    objects: Objects,
    kind: Kind,
    job_id: str,
    stream: Stream,
    offset: int,
    n: int,
    fence: int | None,
) -> Part:
    with transactions.read() as session:
        job = jobs.find(session, kind, job_id)
        if job is None:
            raise Absent("There is no such log.")
        ended = job.state in TERMINAL
        if fence is not None and fence != job.fence:
            offset = 0
        whole = _whole(job, stream)
        chunks = [] if whole else _chunks(session, job_id, job.fence, stream, offset, n)
    if whole is not None:
        key, size = whole
        data = _slice(objects, key, offset, min(n, max(0, size - offset))) if key else b""
        return Part(job.fence, offset, data, offset + len(data) >= size)
    found: list[bytes] = []
    at = offset
    for chunk in chunks:
        take = min(n - (at - offset), chunk.start + chunk.size - at)
        if chunk.data is not None:
            part = chunk.data[at - chunk.start : at - chunk.start + take]
        else:
            part = _slice(objects, str(chunk.key), at - chunk.start, take)
        found.append(part)
        at += len(part)
    return Part(job.fence, offset, b"".join(found), ended and at - offset < n)


def _whole(job: object, stream: Stream) -> tuple[str | None, int] | None:
    """Key and size of the kept stream once the whole of it is an object."""
    if not isinstance(job, Run) or job.manifest is None:
        return None
    manifest = Manifest.model_validate(job.manifest)
    kept = manifest.stdout if stream == "stdout" else manifest.stderr
    if kept.key is None and kept.size > 0:
        return None
    return kept.key, kept.kept


def _chunks(
    session: Session, job_id: str, fence: int, stream: str, offset: int, n: int
) -> list[LogChunk]:
    chosen: list[LogChunk] = []
    size = 0
    rows = session.scalars(
        select(LogChunk)
        .where(
            LogChunk.job_id == job_id,
            LogChunk.fence == fence,
            LogChunk.stream == stream,
            LogChunk.start + LogChunk.size > offset,
        )
        .order_by(LogChunk.start)
        .execution_options(yield_per=16)
    )
    for chunk in rows:
        if size >= n:
            break
        chosen.append(chunk)
        size += chunk.start + chunk.size - max(offset, chunk.start)
    rows.close()
    return chosen


def _slice(objects: Objects, key: str, offset: int, n: int) -> bytes:
    with objects.open(key) as file:
        file.seek(offset)
        return file.read(n)
