"""A day-old backup under a newer world: restored, nothing runs or is mailed a second time."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from cli.restore_drill import Report, _environment, drill
from notifier.deliver import Deliveries
from notifier.mailer_files import FileMailer
from notifier.on_run_finished import handle
from shared import outbox
from shared.backup import restore
from shared.bus_open import open_bus
from shared.db import Transactions
from shared.events import RunFinished
from shared.nightly import fetched, nightly
from shared.objects_disk import DiskObjects
from shared.schema.accounts import LoginSession
from shared.schema.messages import Outbox
from shared.schema.restorations import Restoration
from shared.schema.runs import Output, Run
from shared.schema.tools import Build, Version
from shared.settings import Settings
from tests import factories
from tests.finished import Finished, finished
from utility import parts
from utility.settings import UtilitySettings
from web import jobs
from web.after_restore import reconcile

HOUR = 3600.0


class World:
    """An installation with a finished run, an output, mails on their way, and work in progress."""

    def __init__(self, data: Path, url: str) -> None:
        self.settings = Settings.read({"TOOLYARD_DATA": str(data), "TOOLYARD_DATABASE_URL": url})
        self.transactions = Transactions(url)
        self.done: Finished = finished(self.transactions)
        data.mkdir(parents=True, exist_ok=True)
        (data / "result").write_bytes(b"a result")
        objects = DiskObjects(
            data / "objects", self.settings.secret("signing-key"), self.settings.url
        )
        key = f"runs/{self.done.run_id}/a/out/0"
        stored = objects.put(key, data / "result")
        with self.transactions.begin() as session:
            session.add(
                Output(
                    run_id=self.done.run_id,
                    n=0,
                    path="result.txt",
                    size=stored.size,
                    sha256=stored.sha256,
                    key=key,
                )
            )
            session.execute(update(Run).values(finished_at=1))
            run = session.get_one(Run, self.done.run_id)
            version = session.get_one(Version, run.version_id)
            account = factories.account(session, "other@example.org")
            self.running = factories.run(session, account, version, state="running").id
            self.queued = factories.run(session, account, version, state="queued").id
            self.building = factories.build(session, version, account, state="building").id
            # One event is not published yet, another waits in the notifier's queue.
            self.unpublished = outbox.announce(session, RunFinished, run_id=self.done.run_id)
            session.add(LoginSession(digest="d", account_id=account.id, created_at=0, expires_at=1))
        bus = open_bus(self.settings.bus_url, data)
        bus.publish(self.done.run_event)
        bus.close()


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = World(tmp_path / "source", database_url)
    yield made
    made.transactions.close()


def environ_of(settings: Settings) -> dict[str, str]:
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("TOOLYARD_")},
        "TOOLYARD_DATA": str(settings.data),
        "TOOLYARD_DATABASE_URL": settings.database_url,
    }


def drilled(world: World, place: Path, max_age: float = HOUR) -> Report:
    world.transactions.close()
    return drill(environ_of(world.settings), str(place), None, max_age=max_age)


def test_the_drill_restores_starts_and_asks(world: World, tmp_path: Path) -> None:
    nightly(world.settings, str(tmp_path / "backups"), daily=7, weekly=5)

    report = drilled(world, tmp_path / "backups")

    assert report.good, report.checks
    assert list(report.checks) == ["age", "rows", "page", "output", "events", "mail"]
    assert report.checks["output"] == (True, "result.txt: served, with the recorded digest")
    assert 0 < report.rto_seconds < 120
    assert report.rpo_seconds < 120


def test_the_drill_starts_nothing_that_deletes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bucket is the running platform's: a sweeper of yesterday's rows would take today's objects."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    there = {"TOOLYARD_DATA": str(tmp_path), "TOOLYARD_OBJECTS_URL": "s3://real"}
    settings = UtilitySettings.read(_environment(Settings.read(there), {}))
    transactions, bus = (
        Transactions(f"sqlite:///{tmp_path}/toolyard.db"),
        open_bus(settings.bus_url, settings.data),
    )
    made = parts.build(settings, transactions, bus).parts
    bus.close()
    transactions.close()
    assert (settings.objects_url, set(made)) == ("s3://real", {"relay", "archiver", "notifier"})


def test_a_misspelt_part_is_told() -> None:
    with pytest.raises(ValueError, match=r"knows relay, reaper, .* and not sweper"):
        UtilitySettings.read({"TOOLYARD_UTILITY_PARTS": "relay,sweper"})


def test_without_the_mark_of_the_restore_a_mail_goes_out_again(
    tmp_path: Path, new_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the drill proves: it fails when a restored installation begins where the backup ended."""
    world = World(tmp_path / "source", new_database("sqlite"))
    nightly(world.settings, str(tmp_path / "backups"), daily=7, weekly=5)
    plain = [sys.executable, "-m", "cli.prepare"]

    def only_migrate(settings: Settings, environ: object, at: object) -> None:
        subprocess.run(plain, env=environ_of(settings), check=True)

    monkeypatch.setattr("cli.restore_drill._reconcile", only_migrate)

    report = drilled(world, tmp_path / "backups", max_age=-1)

    assert not report.good
    assert (report.checks["mail"][0], report.checks["age"][0]) == (False, False)


def test_unfinished_work_ends_with_the_reason(world: World) -> None:
    with world.transactions.begin() as session:
        ended = reconcile(session, 1_795_000_000_000)

    assert (ended.jobs, ended.sessions) == (3, 1)
    with world.transactions.read() as session:
        states = {run.id: run.state for run in session.scalars(select(Run))}
        running = session.get_one(Run, world.running)
        assert (states[world.running], states[world.queued]) == ("lost", "cancelled")
        assert session.get_one(Build, world.building).state in ("lost", "cancelled")
        assert states[world.done.run_id] == "succeeded"
        assert running.reason.startswith(
            "The platform was restored from a backup of 18 November 2026"
        )
        assert running.lease_until is None
        # All events of it are older than the mark.
        marked = session.scalar(select(func.max(Restoration.at)))
        assert session.scalar(select(func.max(Outbox.at))) <= marked


def test_a_worker_of_before_has_lost_its_run(world: World) -> None:
    with world.transactions.begin() as session:
        reconcile(session, None)
        job = jobs.transition(session, "run", world.running, "succeeded")
    assert job is None


def test_what_happens_after_the_restore_is_mailed(world: World, tmp_path: Path) -> None:
    with world.transactions.begin() as session:
        reconcile(session, None)
        later = session.scalar(select(func.max(Restoration.at))) + 1
    folder = tmp_path / "mail"
    deliveries = Deliveries(world.transactions, FileMailer(folder), "toolyard@example.org")

    def react(event: RunFinished) -> int:
        handle(event, transactions=world.transactions, deliveries=deliveries, url="http://x")
        return len(list(folder.glob("*.eml")))

    assert react(world.unpublished) == 0
    assert react(world.unpublished.model_copy(update={"event_id": "evt_new", "at": later})) == 1


def test_a_restore_is_marked_before_anything_can_start(
    world: World, tmp_path: Path, new_database: Callable[..., str]
) -> None:
    nightly(world.settings, str(tmp_path / "backups"), daily=7, weekly=5)
    kind = world.settings.database_url.partition(":")[0].partition("+")[0]
    target = Settings.read(
        {
            "TOOLYARD_DATA": str(tmp_path / "target"),
            "TOOLYARD_DATABASE_URL": new_database(kind, migrated=False),
        }
    )
    called: list[int | None] = []
    with fetched(str(tmp_path / "backups")) as folder:
        restore(target, folder, then=called.append)
    assert len(called) == 1
    assert called[0] is not None
