"""`Idempotency-Key`: the same create twice makes one thing and answers alike for 24 hours."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from shared.db import Transactions, now_ms
from shared.schema.accounts import SubmitKey
from web.refusals import Conflict, Invalid

_KEPT_MS = 24 * 3_600_000
_LONGEST_KEY = 200


@dataclass(frozen=True)
class Answer:
    """What a create answers; `replayed` says that an earlier request made it."""

    status: int
    body: bytes
    replayed: bool = False


def fingerprint(method: str, path: str, body: object) -> str:
    """What must be equal for two requests to be the same."""
    text = json.dumps([method, path, body], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def once(
    transactions: Transactions,
    account_id: str,
    key: str | None,
    body_sha256: str,
    make: Callable[[Session], tuple[int, BaseModel]],
) -> Answer:
    """Run `make` in one transaction with the key's row: both are kept or neither.

    Others with the same key wait in the database until the first has committed, and get its answer.
    """
    if key is not None and not (0 < len(key) <= _LONGEST_KEY and key.isprintable()):
        raise Invalid(f"An Idempotency-Key has 1 to {_LONGEST_KEY} printable characters.")
    with transactions.begin() as session:
        if key is not None and not _take(session, account_id, key, body_sha256):
            return _replay(session, account_id, key, body_sha256)
        status, model = make(session)
        body = model.model_dump_json().encode()
        if key is not None:
            row = session.get_one(SubmitKey, (account_id, key))
            row.status, row.response = status, body
        return Answer(status, body)


def _take(session: Session, account_id: str, key: str, body_sha256: str) -> bool:
    session.execute(delete(SubmitKey).where(SubmitKey.at < now_ms() - _KEPT_MS))
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    made = session.execute(
        insert(SubmitKey)
        .values(
            account_id=account_id,
            key=key,
            body_sha256=body_sha256,
            status=0,
            response=b"",
            at=now_ms(),
        )
        .on_conflict_do_nothing()
        .returning(SubmitKey.key)
    ).first()
    return made is not None


def _replay(session: Session, account_id: str, key: str, body_sha256: str) -> Answer:
    row = session.execute(
        select(SubmitKey).where(SubmitKey.account_id == account_id, SubmitKey.key == key)
    ).scalar_one()
    if row.body_sha256 != body_sha256:
        raise Conflict(
            "This Idempotency-Key was used for another request. Use a new key.",
            code="idempotency_key",
        )
    return Answer(row.status, row.response, replayed=True)
