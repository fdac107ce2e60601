"""Unfinished uploads end after a week, in the rows and in the store; finished ones leave no row."""

import structlog
from sqlalchemy import delete, exists, select

from shared.db import Transactions, now_ms
from shared.periodic import Periodic
from shared.schema.runs import File, Upload
from web import uploads
from web.sweeper import SPARED_MS
from web.uploads import Store

log = structlog.get_logger()

_DAY = 24 * 3_600_000
_AT_ONCE = 500


class UploadSweeper(Periodic):
    """One loop; several may run, each step is safe to repeat."""

    def __init__(
        self, transactions: Transactions, store: Store, *, period: float = 3600.0, days: int = 7
    ) -> None:
        super().__init__(period)
        self._transactions = transactions
        self._store = store
        self._ms = days * _DAY

    def once(self) -> None:
        """All of it, now."""
        self.rows()
        self.left_in_the_store()

    def rows(self) -> int:
        """Give up what nobody has finished for long; how many."""
        with self._transactions.begin() as session:
            session.execute(
                delete(Upload)
                .where(
                    Upload.finished_at < now_ms() - _DAY,
                    ~exists().where(
                        File.id == Upload.file_id,
                        File.sha256.contains("-"),
                        File.deleted_at.is_(None),
                    ),
                )
                .execution_options(synchronize_session=False)
            )
            old = session.scalars(
                select(Upload)
                .where(Upload.finished_at.is_(None), Upload.created_at < now_ms() - self._ms)
                .limit(_AT_ONCE)
            ).all()
        for upload in old:
            uploads.give_up(self._transactions, self._store, upload)
        if old:
            log.info("uploads_given_up", count=len(old))
        return len(old)

    def left_in_the_store(self) -> int:
        """Abort what the store holds open for no row: its request died between the two; how many."""
        gone = 0
        for found in self._store.uploads.unfinished():
            if self.stopping.is_set():
                break
            with self._transactions.read() as session:
                now = session.execute(select(now_ms())).scalar_one()
                if found.started_at > now - SPARED_MS:
                    continue
                known = select(Upload.id).where(
                    Upload.in_store == found.upload, Upload.finished_at.is_(None)
                )
                if session.scalars(known.limit(1)).first() is not None:
                    continue
            self._store.uploads.abort(found.key, found.upload)
            gone += 1
        if gone:
            log.info("uploads_aborted", count=gone)
        return gone
