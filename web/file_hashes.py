"""A large file's own SHA-256, computed once beside the way of its run: S3 verifies the hash of its parts only.

Until then the file is known, staged and verified by the hash of its parts (`shared.uploads.of_parts`).
"""

import threading

import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from shared.db import Transactions
from shared.objects import NotFound, Objects
from shared.schema.runs import File, Upload
from shared.uploads import hashes

log = structlog.get_logger()


class FileHashes:
    """One loop; several may run, they come to the same result."""

    def __init__(
        self, transactions: Transactions, objects: Objects, *, period: float = 10.0
    ) -> None:
        self._transactions = transactions
        self._objects = objects
        self._period = period
        self._stopping = threading.Event()

    def run(self) -> None:
        """Blocks until `stop`."""
        while not self._stopping.wait(self._period):
            try:
                self.fill()
            except SQLAlchemyError as error:
                log.warning("file_hashes_database_away", error=str(error))
            except Exception:
                log.exception("file_hashes_failed")

    def stop(self) -> None:
        self._stopping.set()

    def fill(self) -> int:
        """Read each file that came in parts since the last look; how many."""
        with self._transactions.read() as session:
            found = session.scalars(
                select(File)
                .join(Upload, Upload.file_id == File.id)
                .where(Upload.finished_at.is_not(None), File.sha256.contains("-"))
            ).all()
        for file in found:
            if self._stopping.is_set():
                break
            self._read(file)
        return len(found)

    def _read(self, file: File) -> None:
        try:
            with self._objects.open(file.key) as source:
                whole, parts = hashes(source, int(file.sha256.rpartition("-")[2]))
        except NotFound:
            return  # deleted meanwhile
        if parts != file.sha256:
            log.error("file_differs_from_its_parts", file=file.id)
            return
        with self._transactions.begin() as session:
            session.execute(
                update(File)
                .where(File.id == file.id, File.sha256 == file.sha256)
                .values(sha256=whole)
            )
        log.info("file_hashed", file=file.id, size=file.size)
