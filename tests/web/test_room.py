"""On a disk that is almost full nobody's files are taken, so that the database can still be written."""

import hashlib
import io
from collections import namedtuple
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from shared.schema.accounts import Account
from tests import factories
from tests.web.conftest import Person
from web import room
from web.ports import WebPorts
from web.refusals import Busy

Usage = namedtuple("Usage", "total used free")
GIB = 1 << 30


@pytest.mark.parametrize(
    ("total", "free", "full"),
    [(100 * GIB, 3 * GIB, False), (100 * GIB, GIB, True), (10 * GIB, GIB, False), (GIB, 9, True)],
)
def test_when_a_disk_is_full(
    total: int, free: int, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_usage", lambda folder: Usage(total, total - free, free))
    if full:
        with pytest.raises(Busy):
            room.check(Path("/"))
    else:
        room.check(Path("/"))


def test_no_way_takes_files_and_runs_without_any_are_taken_still(
    client: FlaskClient, owner: Person, web_ports: WebPorts, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = hashlib.sha256(b"abc").hexdigest()
    put = web_ports.objects.presign_put("runs/a/b/c", size=3, sha256=sha256, seconds=60).url
    form = web_ports.uploads.presign_post("files/a", size=3, sha256=sha256, seconds=60)
    with web_ports.transactions.begin() as session:
        tool = factories.ready_tool(session, session.get_one(Account, owner.id))[0].id
    monkeypatch.setattr(room, "_usage", lambda folder: Usage(100 * GIB, 100 * GIB, 0))

    refused = [
        owner.post("/api/v1/files?name=a", data=b"abc"),
        owner.post("/api/v1/uploads", json={"name": "a", "size": 3}),
        client.put(put.partition("8080")[2], data=b"abc"),
        client.post(
            form.url.partition("8080")[2], data={**form.fields, "file": (io.BytesIO(b"abc"), "a")}
        ),
    ]

    assert [answer.status_code for answer in refused] == [503] * 4
    assert {answer.json["error"]["code"] for answer in refused} == {"no_room"}  # type: ignore[index]
    assert all(int(answer.headers["Retry-After"]) >= 60 for answer in refused)
    assert owner.post("/api/v1/runs", json={"tool": tool}).status_code == 201
