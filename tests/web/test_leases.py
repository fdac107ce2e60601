"""Leases: one winner, expiry, the reaper, and jobs that kill their workers."""

import threading
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from shared.db import Transactions
from shared.events import BuildFinished, RunFinished, RunRequested, decode
from shared.ids import digest
from shared.schema.messages import Outbox
from shared.schema.runs import JobEvent, Run
from shared.schema.tools import Build, Version
from tests import factories
from tests.web.conftest import Made
from web import leases
from web.answering import Answering
from web.leases import Hold, LeaseTimes, state_after_loss
from web.reaper import Reaper

TIMES = LeaseTimes(lease_seconds=45)


@pytest.fixture
def run(made: Made) -> Run:
    def make(session: Session) -> Run:
        owner = factories.account(session)
        return factories.run(session, owner, factories.ready_tool(session, owner)[1])

    row: Run = made(make)
    return row


@pytest.fixture
def build(made: Made) -> Build:
    def make(session: Session) -> Build:
        owner = factories.account(session)
        version = factories.version(session, factories.tool(session, owner), state="pending")
        return factories.build(session, version, owner)

    row: Build = made(make)
    return row


def claim(made: Made, job: Run | Build, token: str = "token", worker: str = "w:1") -> Any:
    kind = "run" if isinstance(job, Run) else "build"
    return made(leases.claim, kind, job.id, worker, token, TIMES)


def row(transactions: Transactions, job: Run | Build) -> Any:
    with transactions.read() as session:
        return session.get_one(type(job), job.id)


def expire(made: Made, job: Run | Build) -> None:
    def set_back(session: Session) -> None:
        session.execute(update(type(job)).where(type(job).id == job.id).values(lease_until=1))

    made(set_back)


def due_now(made: Made) -> None:
    def set_back(session: Session) -> None:
        session.execute(update(Run).values(not_before=0))
        session.execute(update(Build).values(not_before=0))

    made(set_back)


def events(transactions: Transactions, kind: type) -> list[Any]:
    with transactions.read() as session:
        return [
            event
            for event in map(decode, session.scalars(select(Outbox.body)))
            if isinstance(event, kind)
        ]


def patient(transactions: Transactions, **changes: Any) -> Reaper:
    """A reaper that has seen the API answer for a whole lease time."""
    reaper = Reaper(
        transactions,
        **{
            "probe": lambda: True,
            "times": LeaseTimes(lease_seconds=0.0),
            "period": 60.0,
            **changes,
        },
    )
    reaper.tick()
    return reaper


def test_of_many_claimers_at_once_one_wins(
    transactions: Transactions, made: Made, run: Run
) -> None:
    start = threading.Barrier(8)
    won: list[str] = []

    def race(n: int) -> None:
        start.wait()
        if claim(made, run, token=f"token {n}", worker=f"w:{n}") is not None:
            won.append(f"token {n}")

    threads = [threading.Thread(target=race, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = row(transactions, run)
    assert len(won) == 1
    assert (taken.fence, taken.token_digest) == (1, digest(won[0]))


def test_a_claim_starts_a_lease_by_the_databases_clock(
    transactions: Transactions, made: Made, run: Run
) -> None:
    before = transactions.now_ms()
    claim(made, run)
    taken = row(transactions, run)
    after = transactions.now_ms()
    assert before + 45_000 <= taken.lease_until <= after + 45_000
    assert (taken.state, taken.lease_owner) == ("leased", "w:1")


def test_what_is_not_yet_due_or_is_cancelled_is_not_claimed(
    transactions: Transactions, made: Made, run: Run
) -> None:
    def later(session: Session) -> None:
        session.execute(update(Run).values(not_before=transactions_now + 60_000))

    transactions_now = transactions.now_ms()
    made(later)
    assert claim(made, run) is None
    due_now(made)

    def ask_to_cancel(session: Session) -> None:
        session.execute(update(Run).values(cancel_requested_at=1))

    made(ask_to_cancel)
    assert claim(made, run) is None


def test_a_heartbeat_prolongs_the_lease_even_when_it_had_run_out(
    transactions: Transactions, made: Made, run: Run
) -> None:
    claim(made, run)
    expire(made, run)
    answer = made(leases.heartbeat, Hold("run", run.id, 1, "token"), TIMES)
    assert answer.directive == "continue"
    assert row(transactions, run).lease_until > transactions.now_ms() + 40_000


@pytest.mark.parametrize(
    ("cancel_requested", "attempts", "state"),
    [
        (False, 1, "queued"),
        (False, 2, "queued"),
        (False, 3, "lost"),
        (True, 1, "cancelled"),
        (True, 3, "cancelled"),
    ],
)
def test_where_a_job_goes_whose_worker_is_gone(
    cancel_requested: bool, attempts: int, state: str
) -> None:
    found = state_after_loss(cancel_requested=cancel_requested, infra_attempts=attempts)
    assert found == state


def test_an_expired_lease_is_queued_again_and_announced(
    transactions: Transactions, made: Made, run: Run
) -> None:
    reaper = patient(transactions)
    claim(made, run)
    assert reaper.tick() == 0, "a lease that holds is left alone"
    expire(made, run)
    assert reaper.tick() == 1
    back = row(transactions, run)
    assert (back.state, back.infra_attempts, back.lease_owner) == ("queued", 1, None)
    assert [event.run_id for event in events(transactions, RunRequested)][:1] == [run.id]
    assert claim(made, run, token="second").fence == 2
    assert made(leases.heartbeat, Hold("run", run.id, 1, "token"), TIMES).directive == "lost"


@pytest.mark.parametrize("which", ["run", "build"])
def test_a_job_whose_worker_is_killed_three_times_ends_with_a_reason(
    transactions: Transactions, made: Made, which: str, request: pytest.FixtureRequest
) -> None:
    job: Run | Build = request.getfixturevalue(which)
    reaper = patient(transactions)
    for _ in range(3):
        assert row(transactions, job).state == "queued"
        due_now(made)
        assert claim(made, job) is not None
        expire(made, job)
        assert reaper.tick() >= 1
    ended = row(transactions, job)
    assert (ended.state, ended.infra_attempts, ended.fence) == ("lost", 3, 3)
    assert "lost 3 times" in ended.reason
    assert ended.finished_at is not None
    due_now(made)
    assert claim(made, job) is None
    finished = events(transactions, RunFinished if which == "run" else BuildFinished)
    assert len(finished) == 1
    with transactions.read() as session:
        terminal = session.scalars(select(JobEvent.phase).where(JobEvent.terminal)).all()
        assert terminal == ["lost"]
        if isinstance(job, Build):
            version = session.get_one(Version, job.version_id)
            assert (version.state, version.reason) == ("failed", ended.reason)


def test_a_cancelled_job_whose_worker_is_gone_is_cancelled(
    transactions: Transactions, made: Made, run: Run
) -> None:
    reaper = patient(transactions)
    claim(made, run)

    def ask_to_cancel(session: Session) -> None:
        session.execute(update(Run).values(cancel_requested_at=1))

    made(ask_to_cancel)
    expire(made, run)
    reaper.tick()
    assert row(transactions, run).state == "cancelled"


def test_two_reapers_count_one_loss_once(transactions: Transactions, made: Made, run: Run) -> None:
    reapers = [patient(transactions) for _ in range(2)]
    claim(made, run)
    expire(made, run)
    threads = [threading.Thread(target=reaper.tick) for reaper in reapers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert row(transactions, run).infra_attempts == 1


def test_no_lease_counts_as_expired_while_the_api_does_not_answer(
    transactions: Transactions, made: Made, run: Run
) -> None:
    answers = False
    reaper = patient(transactions, probe=lambda: answers)
    claim(made, run)
    expire(made, run)
    for _ in range(3):
        reaper.tick()
    assert row(transactions, run).state == "leased"
    answers = True
    reaper.tick()
    assert row(transactions, run).state == "queued"


def test_the_api_must_have_answered_for_a_whole_lease_time_without_a_break() -> None:
    replies = iter([True, True, False, True, True, True])
    answering = Answering(lambda: next(replies), longest_gap_seconds=20)
    lasted = []
    for now in (0, 10_000, 20_000, 30_000, 40_000, 75_000):
        answering.ask(now)
        lasted.append(answering.lasted(now, 10_000))
    assert lasted == [False, True, False, False, True, False], "35 s without a probe is a break"
    answering.forget()
    assert not answering.lasted(200_000, 10_000)


def test_what_nobody_claims_for_a_minute_is_announced_again(
    transactions: Transactions, made: Made, run: Run, build: Build
) -> None:
    reaper = patient(transactions)
    assert events(transactions, RunRequested) == []

    def long_ago(session: Session) -> None:
        for table in (Run, Build):
            session.execute(update(table).values(announced_at=table.announced_at - 61_000))

    made(long_ago)
    assert reaper.tick() == 2
    assert reaper.tick() == 0
    assert [event.run_id for event in events(transactions, RunRequested)] == [run.id]


def test_a_pause_after_trouble_ends_with_an_announcement(
    transactions: Transactions, made: Made, run: Run
) -> None:
    reaper = patient(transactions)
    now = transactions.now_ms()

    def pause(session: Session, until: int) -> None:
        session.execute(update(Run).values(not_before=until, announced_at=now))

    made(pause, now + 60_000)
    assert reaper.tick() == 0
    made(pause, now + 1)
    while transactions.now_ms() <= now + 1:
        pass
    assert reaper.tick() == 1


@pytest.mark.parametrize(
    ("version_state", "run_state"), [("ready", "queued"), ("failed", "failed")]
)
def test_runs_that_a_crash_left_waiting_for_an_ended_build_go_on(
    transactions: Transactions, made: Made, run: Run, version_state: str, run_state: str
) -> None:
    def strand(session: Session) -> None:
        session.execute(update(Run).values(state="waiting_build"))
        session.execute(update(Version).values(state=version_state, reason="no image"))

    made(strand)
    patient(transactions)
    assert row(transactions, run).state == run_state


def test_a_database_that_was_away_makes_the_loop_wait_a_lease_time_again(
    transactions: Transactions,
) -> None:
    class Flaky(Reaper):
        ticks = 0

        def tick(self) -> int:
            self.ticks += 1
            if self.ticks == 3:
                raise OperationalError("SELECT 1", {}, ConnectionError("away"))
            if self.ticks == 5:
                self.stop()
            return super().tick()

    reaper = Flaky(
        transactions, probe=lambda: True, period=0.01, times=LeaseTimes(lease_seconds=60)
    )
    reaper.tick()
    since: list[int | None] = [reaper.answering.since]
    thread = threading.Thread(target=reaper.run)
    thread.start()
    thread.join(10)
    since.append(reaper.answering.since)
    assert reaper.ticks == 5, "the loop goes on"
    assert since[0] is not None
    assert since[1] is not None
    assert since[1] > since[0]


@pytest.mark.parametrize(
    "gone", [{"state": "succeeded"}, {"state": "queued"}, {"lease_owner": None}, {"fence": 2}]
)
def test_a_hold_needs_fence_owner_and_an_active_state_each_by_itself(
    transactions: Transactions, made: Made, run: Run, gone: dict[str, Any]
) -> None:
    claim(made, run)
    held = Hold("run", run.id, 1, "token")
    assert made(leases.hold, held).id == run.id
    with pytest.raises(leases.LeaseLost):
        made(leases.hold, Hold("run", "run_other", 1, "token"))
    made(lambda session: session.execute(update(Run).values(**gone)))
    with pytest.raises(leases.LeaseLost):
        made(leases.hold, held)
    assert made(leases.heartbeat, held, TIMES).directive == "lost"
