"""A large file's own SHA-256, computed once beside the way of its run: S3 verifies the hash of its parts only.

Until then the file is known, staged and verified by the hash of its parts (`shared.uploads.of_parts`).
"""

import time

import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from shared.db import Transactions
from shared.objects import NotFound, Objects
from shared.periodic import Periodic
from shared.schema.runs import File, Upload
from shared.uploads import hashes

log = structlog.get_logger()

_LONGEST_PAUSE = 24 * 3600.0


class _Stopping(Exception):
    """Asked to stop in the middle of a file."""


class FileHashes(Periodic):
    """One loop; several may run, they come to the same result."""

    def __init__(
        self, transactions: Transactions, objects: Objects, *, period: float = 10.0
    ) -> None:
        super().__init__(period)
        self._transactions = transactions
        self._objects = objects
        self._failed: dict[str, tuple[int, float]] = {}
        """How often a file could not be hashed, and when it is tried again."""

    def once(self) -> int:
        """Read each file that came in parts since the last look; how many are hashed now."""
        with self._transactions.read() as session:
            found = session.scalars(
                select(File)
                .join(Upload, Upload.file_id == File.id)
                .where(
                    Upload.finished_at.is_not(None),
                    File.sha256.contains("-"),
                    File.deleted_at.is_(None),
                )
            ).all()
        waiting = {file.id for file in found}
        self._failed = {id: tried for id, tried in self._failed.items() if id in waiting}
        return sum(self._tried(file) for file in found)

    def _tried(self, file: File) -> bool:
        """One that cannot be read keeps no other waiting, and is tried again later and later."""
        tries, due = self._failed.get(file.id, (0, 0.0))
        if self.stopping.is_set() or time.monotonic() < due:
            return False
        try:
            done = self._read(file)
        except _Stopping:
            return False
        except SQLAlchemyError:
            raise
        except Exception:
            log.exception("file_not_hashed", file=file.id)
            done = False
        if not done:
            pause = min(_LONGEST_PAUSE, self.period * 2 ** min(tries, 20))
            self._failed[file.id] = (tries + 1, time.monotonic() + pause)
        return done

    def _read(self, file: File) -> bool:
        try:
            with self._objects.open(file.key) as source:
                part_size = int(file.sha256.rpartition("-")[2])
                whole, parts = hashes(source, part_size, self._check)
        except NotFound:
            return False  # deleted meanwhile
        if parts != file.sha256:
            log.error("file_differs_from_its_parts", file=file.id)
            return False
        with self._transactions.begin() as session:
            session.execute(
                update(File)
                .where(File.id == file.id, File.sha256 == file.sha256)
                .values(sha256=whole)
            )
        log.info("file_hashed", file=file.id, size=file.size)
        return True

    def _check(self) -> None:
        if self.stopping.is_set():
            raise _Stopping
