"""Deletes what nobody needs any more: results of losing attempts, uploads never used, expired rows."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import structlog
from sqlalchemy import delete, exists, or_, select
from sqlalchemy.orm import Session

from shared.db import Transactions, now_ms
from shared.objects import Objects, StoredObject
from shared.objects_disk import DiskObjects
from shared.periodic import Periodic
from shared.schema.accounts import LoginAttempt, LoginSession, StorageCredential, SubmitKey
from shared.schema.runs import File, JobEvent, LogChunk, Output, Run, RunInput, Upload
from shared.schema.scaling import ScalingSample
from shared.schema.tools import Preview, Version
from shared.work import Kind
from web import jobs, retention

log = structlog.get_logger()

_HOUR = 3_600_000
_DAY = 24 * _HOUR
_AT_ONCE = 500
_KINDS: dict[str, Kind] = {"runs": "run", "builds": "build"}  # previews keep no objects

SPARED_MS = _DAY
"""Nothing younger goes: whoever stored it may not have committed its row yet."""


@dataclass(frozen=True)
class JobFacts:
    """What a run or build says of the objects below its id."""

    attempt: str | None
    """The last one; the winner where there is one."""
    finished_at: int | None


def is_due(found: StoredObject, job: JobFacts | None, *, needed: Collection[str], now: int) -> bool:
    """Whether the object belongs to an attempt that lost, or to no row at all; `needed` keys never go."""
    place, job_id, attempt = (*found.key.split("/"), "", "", "")[:3]
    if found.key in needed or found.stored_at > now - SPARED_MS:
        return False
    if place in ("files", "health"):
        return True  # every upload with a row is needed; of a health check that was killed, nothing
    if place not in _KINDS or not job_id:
        return False  # not ours to judge
    if job is None:
        return True
    if job.finished_at is None or job.finished_at > now - SPARED_MS:
        return False
    return attempt != job.attempt


class Sweeper(Periodic):
    """One loop; several may run, each deletion is safe to repeat."""

    def __init__(
        self,
        transactions: Transactions,
        objects: Objects,
        *,
        period: float = 3600.0,
        unused_days: int = 30,
    ) -> None:
        super().__init__(period)
        self._transactions = transactions
        self._objects = objects
        self._unused_ms = unused_days * _DAY

    def once(self) -> None:
        """All of it, now."""
        self.rows()
        self.deleted_tools()
        self.unused_files()
        self.objects()

    def rows(self) -> None:
        """Idempotency keys, previews and wrong passwords after a day, sessions a day after their end."""
        old = now_ms() - _DAY
        with self._transactions.begin() as session:
            session.execute(delete(SubmitKey).where(SubmitKey.at < old))
            session.execute(delete(LoginAttempt).where(LoginAttempt.at < old))
            retention.ended_tokens(session)
            session.execute(delete(ScalingSample).where(ScalingSample.at < now_ms() - 7 * _DAY))
            seen = select(Preview.id).where(
                Preview.created_at < old, Preview.state.in_(sorted(jobs.TERMINAL))
            )
            session.execute(
                delete(JobEvent)
                .where(JobEvent.job_id.in_(seen))
                .execution_options(synchronize_session=False)
            )
            session.execute(
                delete(Preview)
                .where(Preview.id.in_(seen))
                .execution_options(synchronize_session=False)
            )
            session.execute(
                delete(LoginSession).where(
                    or_(LoginSession.expires_at < old, LoginSession.revoked_at < old)
                )
            )
            session.execute(delete(StorageCredential).where(StorageCredential.expires_at < old))

    def deleted_tools(self) -> int:
        """Source snapshots and bills of tools that were deleted long ago; how many."""
        with self._transactions.begin() as session:
            gone = retention.sources_of_deleted_tools(session)
        for key in gone:
            self._objects.delete(key)
        return len(gone)

    def unused_files(self) -> int:
        """Uploads that no run has taken for long; how many."""
        unused = (
            File.created_at < now_ms() - self._unused_ms,
            ~exists().where(RunInput.file_id == File.id),
            ~exists().where(Run.stdin_file_id == File.id),
        )
        with self._transactions.begin() as session:
            chosen = session.scalars(select(File.id).where(*unused).limit(_AT_ONCE)).all()
            gone = session.scalars(
                delete(File)
                .where(File.id.in_(chosen), *unused)
                .returning(File.key)
                .execution_options(synchronize_session=False)
            ).all()
        for key in gone:
            if key.startswith("files/"):  # others are outputs of a run
                self._objects.delete(key)
        if gone:
            log.info("unused_files_deleted", count=len(gone))
        return len(gone)

    def objects(self) -> int:
        """Objects that are due; how many."""
        gone = self._objects.tidy() if isinstance(self._objects, DiskObjects) else 0
        for batch in _batches(self._objects.walk()):
            if self.stopping.is_set():
                break
            with self._transactions.read() as session:
                due = _due(session, batch)
            for key in due:
                self._objects.delete(key)
            gone += len(due)
        if gone:
            log.info("objects_deleted", count=gone)
        return gone


def _batches(found: Iterator[StoredObject]) -> Iterator[list[StoredObject]]:
    while batch := list(islice(found, _AT_ONCE)):
        yield batch


def _due(session: Session, batch: list[StoredObject]) -> list[str]:
    now = jobs.clock(session)
    old = [found for found in batch if found.stored_at <= now - SPARED_MS]
    if not old:
        return []
    needed = _needed(session, [found.key for found in old])
    facts = _facts(session, {tuple(found.key.split("/")[:2]) for found in old})
    return [
        found.key
        for found in old
        if is_due(found, facts.get("/".join(found.key.split("/")[:2])), needed=needed, now=now)
    ]


def _needed(session: Session, keys: Collection[str]) -> set[str]:
    """Those that a row names, whichever attempt they are of.

    An upload's row too: S3 dates an object of parts from the beginning, and it may be resumed for days.
    """
    coming = [key.removeprefix("files/") for key in keys if key.startswith("files/")]
    uploads = session.scalars(select(Upload.file_id).where(Upload.file_id.in_(coming)))
    needed = {f"files/{file_id}" for file_id in uploads}
    stored = select(File.key).where(File.key.in_(keys), File.deleted_at.is_(None))
    needed |= set(session.scalars(stored))
    columns = (
        Output.key,
        Run.manifest_key,
        LogChunk.key,
        Version.source_key,
        Version.sbom_key,
    )
    return needed | {
        str(key)
        for column in columns
        for key in session.scalars(select(column).where(column.in_(keys)))
    }


def _facts(session: Session, places: Iterable[tuple[str, ...]]) -> dict[str, JobFacts]:
    found: dict[str, JobFacts] = {}
    wanted = [place for place in places if len(place) == 2]
    for place, kind in _KINDS.items():
        table: Any = jobs.TABLES[kind]
        ids = [job_id for where, job_id in wanted if where == place]
        for job in session.scalars(select(table).where(table.id.in_(ids))):
            found[f"{place}/{job.id}"] = JobFacts(job.attempt, job.finished_at)
    return found
