"""What the database says, and what people have uploaded."""

import io
from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from shared.events import Event, decode
from shared.schema.accounts import Account
from shared.schema.messages import Outbox
from shared.schema.runs import JobEvent
from web.ports import WebPorts
from web.store_file import add_file, new_key, received


def events(ports: WebPorts, kind: type[Event]) -> list[Any]:
    with ports.transactions.read() as session:
        bodies = session.scalars(select(Outbox.body).order_by(Outbox.at)).all()
    return [event for event in map(decode, bodies) if isinstance(event, kind)]


def row(ports: WebPorts, table: Any, id: str) -> Any:
    with ports.transactions.read() as session:
        return session.get_one(table, id)


def phases(ports: WebPorts, job_id: str) -> list[str]:
    with ports.transactions.read() as session:
        return list(
            session.scalars(
                select(JobEvent.phase).where(JobEvent.job_id == job_id).order_by(JobEvent.seq)
            )
        )


def upload(ports: WebPorts, made: Callable[..., Any], by: Account, name: str, data: bytes) -> str:
    file_id, key = new_key()
    with received(io.BytesIO(data), len(data)) as got:
        ports.objects.put(key, got.path)
        made(add_file, by.id, file_id, key, name, got, most_bytes=1 << 30)
    return file_id
