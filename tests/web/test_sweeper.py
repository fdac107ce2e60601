"""What nobody needs goes after a day; what a row names, or a living job may still write, stays."""

import os
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from shared.db import Transactions, now_ms
from shared.objects import StoredObject
from shared.objects_disk import DiskObjects
from shared.schema.accounts import (
    ApiToken,
    LoginAttempt,
    LoginSession,
    StorageCredential,
    SubmitKey,
)
from shared.schema.runs import File, LogChunk, Output, Run, RunInput
from shared.schema.tools import Build, Tool, Version
from tests import factories
from tests.fake_objects import MemoryObjects
from web.sweeper import JobFacts, Sweeper, is_due

DAY = 24 * 3_600_000
NOW = 100 * DAY
OLD = NOW - 2 * DAY
ENDED = JobFacts("winner", OLD)


@pytest.mark.parametrize(
    ("key", "job", "stored_at", "due"),
    [
        ("runs/r/loser/stdout", ENDED, OLD, True),
        ("runs/r/winner/stdout", ENDED, OLD, False),
        ("builds/b/loser/source", ENDED, OLD, True),
        ("runs/r/loser/stdout", ENDED, NOW - DAY + 1, False),
        ("runs/r/loser/stdout", JobFacts("winner", None), OLD, False),
        ("runs/r/loser/stdout", JobFacts("winner", NOW - DAY + 1), OLD, False),
        ("runs/r/winner/needed", ENDED, OLD, False),
        ("runs/r/loser/needed", ENDED, OLD, False),
        ("runs/unknown/x/stdout", None, OLD, True),
        ("files/unknown", None, OLD, True),
        ("files/unknown", None, NOW - 1, False),
        ("health/killed", None, OLD, True),
        ("health/now", None, NOW - 1, False),
        ("elsewhere/x/y", None, OLD, False),
        ("k", None, OLD, False),
    ],
)
def test_what_is_due(key: str, job: JobFacts | None, stored_at: int, due: bool) -> None:
    needed = {"runs/r/loser/needed", "runs/r/winner/needed"}

    assert is_due(StoredObject(key, stored_at), job, needed=needed, now=NOW) is due


class Store(MemoryObjects):
    """Objects that were stored long ago, unless they are told otherwise."""

    def keep(self, *keys: str, stored_at: int = 0) -> None:
        for key in keys:
            self.bytes[key], self.stored[key] = b"x", stored_at


def test_losing_attempts_go_and_living_jobs_are_not_touched(
    transactions: Transactions, tmp_path: Path
) -> None:
    store = Store()
    with transactions.begin() as session:
        owner = factories.account(session)
        version = factories.ready_tool(session, owner)[1]
        ended = factories.run(session, owner, version, state="succeeded")
        living = factories.run(session, owner, version, state="running")
        build = factories.build(session, version, owner, state="succeeded")
        session.execute(update(Run).values(attempt="last"))
        session.execute(update(Build).values(attempt="last", finished_at=1))
        session.execute(update(Run).where(Run.id == ended.id).values(finished_at=1))
        session.execute(
            update(Version).values(source_key=f"builds/{build.id}/earlier/source", identity=None)
        )
        file = factories.file(session, owner)
        session.add(Output(run_id=ended.id, n=0, path="o", size=1, sha256="0", key="runs/gone/a/o"))
        session.add(
            LogChunk(
                job_id=ended.id,
                fence=1,
                stream="stdout",
                start=0,
                size=1,
                key=f"runs/{ended.id}/first/live/stdout/0-1",
                at=0,
            )
        )
    kept = [
        f"runs/{ended.id}/last/stdout",
        f"runs/{living.id}/first/stdout",
        f"runs/{living.id}/last/stdout",
        f"builds/{build.id}/last/log",
        f"builds/{build.id}/earlier/source",
        f"runs/{ended.id}/first/live/stdout/0-1",
        "runs/gone/a/o",
        file.key,
    ]
    lost = [
        f"runs/{ended.id}/first/stdout",
        f"runs/{ended.id}/first/o/1",
        f"builds/{build.id}/earlier/log",
        "runs/gone/a/stdout",
        "files/file_without_a_row",
    ]
    store.keep(*kept, *lost)
    fresh = f"runs/{ended.id}/first/late"
    store.keep(fresh, stored_at=transactions.now_ms())

    assert Sweeper(transactions, store).objects() == len(lost)

    assert sorted(store.bytes) == sorted([*kept, fresh])


def test_uploads_that_no_run_took_go_after_thirty_days(transactions: Transactions) -> None:
    store = Store()
    names = ("input", "stdin", "unused", "output of a run", "new")
    with transactions.begin() as session:
        owner = factories.account(session)
        version = factories.ready_tool(session, owner)[1]
        files = {name: factories.file(session, owner) for name in names}
        files["output of a run"].key = "runs/r/a/o/1"
        run = factories.run(session, owner, version, state="succeeded")
        run.stdin_file_id = files["stdin"].id
        session.add(RunInput(run_id=run.id, name="in", file_id=files["input"].id))
        session.flush()
        session.execute(
            update(File)
            .where(File.id != files["new"].id)
            .values(created_at=now_ms() - 30 * DAY - 1000)
        )
    store.keep(*(file.key for file in files.values()))

    assert Sweeper(transactions, store, unused_days=30).unused_files() == 2

    with transactions.read() as session:
        left = set(session.scalars(select(File.id)))
    assert left == {files[name].id for name in ("input", "stdin", "new")}
    assert sorted(store.bytes) == sorted(
        files[name].key for name in ("input", "stdin", "new", "output of a run")
    )


def test_rows_that_time_has_passed_over_go(transactions: Transactions) -> None:
    with transactions.begin() as session:
        owner = factories.account(session)
        now = session.execute(select(now_ms())).scalar_one()
        for name, at in (("old", now - DAY - 1000), ("new", now - DAY + 60_000)):
            session.add(
                SubmitKey(
                    account_id=owner.id, key=name, body_sha256="", status=0, response=b"", at=at
                )
            )
            session.add(LoginAttempt(id=name, subject="x", at=at))
            session.add(
                StorageCredential(
                    id=name, account_id=owner.id, access_key_id="", created_at=0, expires_at=at
                )
            )
            session.add(LoginSession(digest=name, account_id=owner.id, created_at=0, expires_at=at))
            session.add(
                LoginSession(
                    digest=f"revoked {name}",
                    account_id=owner.id,
                    created_at=0,
                    expires_at=now + DAY,
                    revoked_at=at,
                )
            )
        session.add(
            LoginSession(
                digest="signed in", account_id=owner.id, created_at=0, expires_at=now + DAY
            )
        )

    Sweeper(transactions, MemoryObjects()).rows()

    with transactions.read() as session:
        assert list(session.scalars(select(SubmitKey.key))) == ["new"]
        assert list(session.scalars(select(LoginAttempt.id))) == ["new"]
        assert list(session.scalars(select(StorageCredential.id))) == ["new"]
        assert sorted(session.scalars(select(LoginSession.digest))) == [
            "new",
            "revoked new",
            "signed in",
        ]
        assert session.scalar(select(func.count()).select_from(File)) == 0


def test_tokens_go_ninety_days_after_their_end(transactions: Transactions) -> None:
    ends = {
        "living": (None, None),
        "later": (30 * DAY, None),
        "ended lately": (-89 * DAY, None),
        "ended long ago": (-91 * DAY, None),
        "revoked lately": (None, -89 * DAY),
        "revoked long ago": (30 * DAY, -91 * DAY),
    }
    with transactions.begin() as session:
        owner = factories.account(session)
        now = session.execute(select(now_ms())).scalar_one()
        for name, (expires, revoked) in ends.items():
            session.add(
                ApiToken(
                    digest=name,
                    id=name,
                    account_id=owner.id,
                    name=name,
                    created_at=0,
                    expires_at=None if expires is None else now + expires,
                    revoked_at=None if revoked is None else now + revoked,
                )
            )

    Sweeper(transactions, MemoryObjects()).rows()

    with transactions.read() as session:
        left = set(session.scalars(select(ApiToken.id)))
    assert left == {"living", "later", "ended lately", "revoked lately"}


def test_sources_of_a_deleted_tool_go_after_thirty_days(transactions: Transactions) -> None:
    store = Store()
    deleted = {"kept": None, "lately": -29 * DAY, "long ago": -31 * DAY}
    versions = {}
    with transactions.begin() as session:
        owner = factories.account(session)
        now = session.execute(select(now_ms())).scalar_one()
        for name, at in deleted.items():
            tool, version = factories.ready_tool(session, owner)
            session.execute(
                update(Tool)
                .where(Tool.id == tool.id)
                .values(deleted_at=None if at is None else now + at)
            )
            version.source_key = f"builds/{name[:4].strip()}/a/source"
            version.sbom_key = "builds/shared/a/bill" if name != "kept" else None
            versions[name] = version.id
            store.keep(version.source_key)
    store.keep("builds/shared/a/bill")

    assert Sweeper(transactions, store).deleted_tools() == 1

    with transactions.read() as session:
        named = {n: session.get_one(Version, v).source_key for n, v in versions.items()}
    assert named == {
        "kept": "builds/kept/a/source",
        "lately": "builds/late/a/source",
        "long ago": None,
    }
    # What another version still names stays.
    assert sorted(store.bytes) == [
        "builds/kept/a/source",
        "builds/late/a/source",
        "builds/shared/a/bill",
    ]


def test_what_a_killed_write_left_goes_after_a_day(
    sqlite_transactions: Transactions, tmp_path: Path
) -> None:
    store = DiskObjects(tmp_path / "objects", "key", "http://127.0.0.1:1")
    ages = {"killed": 2 * DAY, "in work": 0}
    for name, age in ages.items():
        folder = tmp_path / "objects/.incoming" / name
        folder.mkdir()
        (folder / "part").write_bytes(b"half")
        at = time.time() - age / 1000
        os.utime(folder, (at, at))

    assert Sweeper(sqlite_transactions, store).objects() == 1

    assert [p.name for p in (tmp_path / "objects/.incoming").iterdir()] == ["in work"]
