"""Nobody's files are taken on a disk that is almost full, nor more of them than a plan keeps."""

import hashlib
import io
from collections import namedtuple
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from shared.schema.accounts import Account
from tests import factories
from tests.web.browser import Browser, Seed
from tests.web.conftest import Person
from web import room
from web.limits import PLANS
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


def test_no_way_keeps_more_uploads_than_the_plan_and_unfinished_ones_count(
    owner: Person,
    other: Person,
    browser: Browser,
    seed: Seed,
    web_ports: WebPorts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    narrow = PLANS["free"].model_copy(update={"stored_bytes": 10})
    monkeypatch.setitem(PLANS, "free", narrow)
    page = f"/tools/{seed.ready('wc').id}"

    def asked() -> list[int]:
        return [
            owner.post("/api/v1/files?name=a", data=b"abcd").status_code,
            owner.post("/api/v1/uploads", json={"name": "a", "size": 4}).status_code,
            browser.send(page, page + "/runs", files=(io.BytesIO(b"abcd"), "a")).status_code,
        ]

    theirs = other.post("/api/v1/uploads", json={"name": "a", "size": 9})
    assert theirs.status_code == 201, "which is none of the owner's"
    assert owner.post("/api/v1/files?name=a", data=b"abc").status_code == 201
    sha256 = hashlib.sha256(b"defg").hexdigest()
    begun = owner.post("/api/v1/uploads", json={"name": "a", "size": 4, "sha256": sha256}).json
    assert begun is not None
    assert asked() == [413] * 3
    form = {**begun["form"]["fields"], "file": (io.BytesIO(b"defg"), "a")}
    owner.client.post(begun["form"]["url"].partition("8080")[2], data=form)
    assert owner.post(f"/api/v1/uploads/{begun['id']}/complete", json={}).status_code == 201
    assert asked() == [413] * 3
    refused = owner.post("/api/v1/uploads", json={"name": "a", "size": 4}).json
    assert refused is not None and refused["error"]["code"] == "stored"
    assert "have 7 bytes" in refused["error"]["message"]
    assert len(list(web_ports.objects.walk())) == 2, "nothing is left of the refused ones"
    last = owner.post("/api/v1/uploads", json={"name": "a", "size": 3})
    assert last.status_code == 201, "up to the last byte"
