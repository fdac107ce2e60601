"""The scaler reads the backlog, asks for workers, and keeps what it saw."""

from collections.abc import Collection
from pathlib import Path

import pytest
from sqlalchemy import select

from shared.db import Transactions, now_ms
from shared.objects_disk import DiskObjects
from shared.scaling import Group, WebGroup, WebLoad
from shared.schema.runs import Run
from shared.schema.scaling import ScalingSample
from tests import factories
from utility import scaling as utility_scaling
from utility.scaling import ScalingSettings
from web.backlog import Work, measure
from web.limits import PLANS
from web.scaler import ScaledWeb, ScaledWorkers, Scaler
from web.sweeper import Sweeper
from web.web_load import Notes, Reader
from web.worker_groups import GroupsUnreachable, Standing
from web.worker_groups_local import LocalGroups

RUNS = Work("run", slots=2, prior_seconds=10)


class Groups:
    """Workers that are there as soon as they are asked for."""

    def __init__(self, running: int = 0, trouble: str = "") -> None:
        self.running = running
        self.trouble = trouble
        self.asked: list[int] = []
        self.holders: Collection[str] = ()
        self.away = False

    def standing(self, group: str) -> Standing:
        if self.away:
            raise GroupsUnreachable("nobody answers")
        return Standing(self.running, self.trouble)

    def follow(self, group: str, desired: int, holders: Collection[str]) -> None:
        self.asked.append(desired)
        self.running = desired
        self.holders = holders


class World:
    def __init__(self, transactions: Transactions, groups: Groups) -> None:
        self.transactions, self.groups = transactions, groups
        self.now = 0.0
        group = Group(0, 10, target_wait=10, hold=60)
        self.scaler = Scaler(
            transactions, groups, [ScaledWorkers("runner", group, [RUNS])], clock=lambda: self.now
        )
        with transactions.begin() as session:
            self.people = [factories.account(session, plan="premium") for _ in range(5)]
            _, self.version = factories.ready_tool(session, self.people[0])

    def runs(self, count: int, *, person: int = 0, **values: object) -> list[str]:
        with self.transactions.begin() as session:
            made = [factories.run(session, self.people[person], self.version) for _ in range(count)]
            for run in made:
                for name, value in values.items():
                    setattr(run, name, value)
            return [run.id for run in made]

    def end(self, ids: list[str], seconds: float = 10) -> None:
        with self.transactions.begin() as session:
            now = int(session.execute(select(now_ms())).scalar_one())
            for run in session.scalars(select(Run).where(Run.id.in_(ids))):
                run.state, run.lease_owner = "succeeded", None
                run.started_at, run.finished_at = now - int(seconds * 1000), now

    def look(self) -> int:
        self.scaler.look()
        self.now += 10
        return self.groups.asked[-1]

    def samples(self) -> list[ScalingSample]:
        with self.transactions.read() as session:
            return list(session.scalars(select(ScalingSample).order_by(ScalingSample.at)))


@pytest.fixture
def world(transactions: Transactions) -> World:
    return World(transactions, Groups())


def test_workers_follow_the_backlog_from_none_and_back(world: World) -> None:
    assert world.look() == 0
    queued = [run for person in range(5) for run in world.runs(2, person=person)]
    assert world.look() == 5
    world.end(queued)

    asked = [world.look() for _ in range(8)]

    assert asked[:5] == [5] * 5
    assert asked[-1] == 0


def test_whoever_holds_a_job_is_counted_and_named(world: World) -> None:
    for n in range(3):
        world.runs(1, state="running", lease_owner=f"host:boot/runner{n}", started_at=0)
    world.groups.running = 3

    world.look()

    assert sorted(world.groups.holders) == [f"host:boot/runner{n}" for n in range(3)]
    assert world.groups.asked[-1] == 3, "one of the three has a free slot, none may go"


def test_an_account_at_its_limit_brings_no_workers_that_would_idle(world: World) -> None:
    most = PLANS["premium"].running
    world.runs(100)

    assert world.look() == most // RUNS.slots


def test_what_is_not_due_yet_does_not_count(world: World) -> None:
    with world.transactions.read() as session:
        later = int(session.execute(select(now_ms())).scalar_one()) + 600_000
    world.runs(5, not_before=later)

    assert world.look() == 0


def test_the_mean_is_what_the_last_runs_took(world: World) -> None:
    world.end(world.runs(99), seconds=2)
    with world.transactions.read() as session:
        found = measure(session, RUNS, PLANS, 10)

    assert found.backlog.mean_seconds == pytest.approx((99 * 2 + 10) / 100)


def test_a_group_in_trouble_does_not_grow_and_the_page_says_why(world: World) -> None:
    world.groups.trouble = "5 machines failed to start within 10 minutes."
    world.groups.running = 1
    for person in range(5):
        world.runs(4, person=person)

    assert world.look() == 1
    assert world.samples()[-1].note.startswith("5 machines failed")


def test_samples_are_kept_when_something_changes(world: World) -> None:
    world.look()
    world.look()
    world.runs(4)
    world.look()

    kept = [(one.desired, one.queued, one.asked) for one in world.samples()]
    assert kept == [(0, 0, 0.0), (2, 4, 2.0)]


def test_an_outage_of_the_groups_changes_nothing(world: World) -> None:
    world.groups.away = True
    world.scaler.look()
    world.groups.away = False

    assert world.look() == 0


def test_web_goes_out_on_slow_answers(sqlite_transactions: Transactions) -> None:
    groups, loads = Groups(1), iter([WebLoad(50, 3.0), WebLoad(50, 0.1)])
    web = ScaledWeb(WebGroup(1, 4), lambda: next(loads))
    scaler = Scaler(sqlite_transactions, groups, [], web=web)
    scaler.look()
    scaler.look()

    assert groups.asked == [2, 2]


def test_web_notes_add_up_over_processes_and_time(tmp_path: Path) -> None:
    now = 0.0
    notes = Notes(tmp_path, clock=lambda: now)
    reader = Reader(tmp_path, clock=lambda: now)
    now = 30.0
    for seconds in [0.02] * 8 + [0.4] * 2:
        notes.note(seconds)
        now += 3
    assert reader.look() == WebLoad(10.0, 0.5)

    now += 60
    assert reader.look() == WebLoad(0.0, 0.0)
    (tmp_path / "scaling" / "web.4194305").write_text("[9, 9, 9]")  # no such process can be
    assert reader.look().requests_per_minute == 0
    assert not (tmp_path / "scaling" / "web.4194305").exists()


def test_the_supervisors_file_says_what_was_asked(tmp_path: Path) -> None:
    groups = LocalGroups(tmp_path)
    groups.follow("runner", 3, ())
    groups.follow("builder", 1, ())

    assert (tmp_path / "scaling" / "desired.json").read_text() == '{"runner": 3, "builder": 1}'
    assert groups.standing("runner") == Standing(0)

    (tmp_path / "scaling" / "desired.json").unlink()  # the supervisor has started anew
    groups.follow("runner", 3, ())
    assert (tmp_path / "scaling" / "desired.json").exists()


@pytest.mark.parametrize(
    ("environ", "where"),
    [
        ({}, ""),
        ({"TOOLYARD_RUNNERS": "3"}, ""),
        ({"TOOLYARD_RUNNERS": "1..3"}, "local"),
        ({"TOOLYARD_WEBS": "1..2"}, "local"),
        ({"TOOLYARD_WORKER_GROUPS": "ec2://ty", "TOOLYARD_RUNNERS": "0..50"}, "ec2"),
    ],
)
def test_ranges_turn_scaling_on(environ: dict[str, str], where: str) -> None:
    settings = ScalingSettings.read(environ)

    assert settings.where == where
    if not where:
        assert utility_scaling.build(settings, None) is None  # type: ignore[arg-type]


def test_samples_are_swept_after_a_week(world: World, tmp_path: Path) -> None:
    world.look()
    with world.transactions.begin() as session:
        kept = session.scalars(select(ScalingSample)).one()
        old = ScalingSample(
            **{
                column.name: getattr(kept, column.name)
                for column in ScalingSample.__table__.columns
                if column.name != "at"
            },
            at=kept.at - 8 * 24 * 3_600_000,
        )
        session.add(old)

    Sweeper(world.transactions, DiskObjects(tmp_path, "key", "http://127.0.0.1")).rows()

    assert [one.at for one in world.samples()] == [kept.at]
