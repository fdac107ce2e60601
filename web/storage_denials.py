"""Which storage credentials the issuer must deny, told to it until it has taken that."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, exists, func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared.db import Transactions, now_ms
from shared.periodic import Periodic
from shared.schema.accounts import StorageCredential
from shared.schema.restorations import Restoration
from shared.storage_credentials import SECONDS, NotIssued, StorageCredentials
from web import jobs

_AGAIN = 3
_HOUR = 3600.0


@dataclass(frozen=True)
class Denied:
    """All that was ended and would hold otherwise."""

    names: list[str] = field(default_factory=list)
    before: int | None = None
    """All that were issued earlier have ended, named or not."""


def unexpired() -> ColumnElement[bool]:
    """Whether credentials would hold still if nobody had ended them."""
    return StorageCredential.expires_at > now_ms()


def tell(transactions: Transactions, storage: StorageCredentials) -> None:
    """Give the issuer all that are revoked; again while others are being revoked at the same time."""
    told: Denied | None = None
    for _ in range(_AGAIN):
        with transactions.begin() as session:
            wanted = denied(session)
            if len(wanted.names) > storage.most:
                end_all(session)
                wanted = denied(session)
            if wanted == told:
                _note(session, told)
                return
        before = (
            None if wanted.before is None else datetime.fromtimestamp(wanted.before / 1000, UTC)
        )
        storage.revoke(wanted.names, before)
        told = wanted
    raise NotIssued("Many are being revoked at once.")


def end_all(session: Session) -> None:
    """Revoke every credential that was issued until now, by the moment and not by its name."""
    now = jobs.clock(session)
    # The issuer counts whole seconds: one that was made in this second must end, too.
    moment = (now // 1000 + 1) * 1000
    session.execute(
        update(StorageCredential)
        .where(unexpired())
        .values(
            revoked_at=func.coalesce(StorageCredential.revoked_at, now),
            told_at=None,
            ended_before=moment,
        )
        .execution_options(synchronize_session=False)
    )


def end_those_of(session: Session, account_id: str) -> None:
    """Revoke every credential of an account; the loop tells the issuer soon."""
    session.execute(
        update(StorageCredential)
        .where(
            StorageCredential.account_id == account_id,
            StorageCredential.revoked_at.is_(None),
            unexpired(),
        )
        .values(revoked_at=jobs.clock(session))
        .execution_options(synchronize_session=False)
    )


def denied(session: Session) -> Denied:
    """What the rows say; a restore ends also those of which no row tells any more."""
    named = (StorageCredential.revoked_at.is_not(None), StorageCredential.ended_before.is_(None))
    names = select(StorageCredential.id).where(*named, unexpired()).order_by(StorageCredential.id)
    ended = session.scalar(select(func.max(StorageCredential.ended_before)).where(unexpired()))
    recent = Restoration.at > jobs.clock(session) - (SECONDS + 1) * 1000
    restored = session.scalar(select(func.max(Restoration.at)).where(recent))
    moments = [ended or 0, (restored // 1000 + 1) * 1000 if restored else 0]
    return Denied(list(session.scalars(names)), max(moments) or None)


def _note(session: Session, told: Denied) -> None:
    by_moment = StorageCredential.ended_before <= (told.before or 0)
    session.execute(
        update(StorageCredential)
        .where(
            or_(StorageCredential.id.in_(told.names), by_moment),
            StorageCredential.told_at.is_(None),
        )
        .values(told_at=jobs.clock(session))
        .execution_options(synchronize_session=False)
    )


class StorageDenials(Periodic):
    """One loop: what a request that died, or an issuer that was away, has left untold."""

    expected = (SQLAlchemyError, NotIssued)

    def __init__(
        self, transactions: Transactions, storage: StorageCredentials, *, period: float = 10.0
    ) -> None:
        super().__init__(period)
        self._transactions = transactions
        self._storage = storage
        self._since_told = _HOUR

    def once(self) -> None:
        """Tell what is untold; at the start and every hour all, so that what has expired leaves."""
        self._since_told += self.period
        untold = exists().where(
            StorageCredential.revoked_at.is_not(None),
            StorageCredential.told_at.is_(None),
            unexpired(),
        )
        with self._transactions.read() as session:
            if self._since_told < _HOUR and not session.scalar(select(untold)):
                return
        tell(self._transactions, self._storage)
        self._since_told = 0.0
