"""Cancelling in every state, and how its worker hears of it."""

import threading
import time
from typing import Any

import pytest
from sqlalchemy import select, update

from shared.events import RunFinished, decode
from shared.schema.accounts import Account
from shared.schema.messages import Outbox
from shared.schema.runs import Run
from shared.schema.tools import Build, Tool, Version
from tests import factories
from tests.web.conftest import WORKER_TOKEN
from tests.web.worker_client import Worker, make_app
from web import build_states, cancel, run_states
from web.api import worker as worker_api
from web.bell import Bell
from web.directives import Directives
from web.ports import WebPorts
from web.refusals import Absent, Forbidden


@pytest.fixture
def owner(web_ports: WebPorts) -> Account:
    with web_ports.transactions.begin() as session:
        return factories.account(session)


def make_run(ports: WebPorts, owner: Account, state: str) -> Run:
    with ports.transactions.begin() as session:
        run = factories.run(session, owner, factories.ready_tool(session, owner)[1], state=state)
        if state in run_states.ACTIVE:
            run.lease_owner, run.fence = "host:boot", 1
        return run


def make_build(ports: WebPorts, owner: Account, state: str) -> tuple[Tool, Version, Build]:
    with ports.transactions.begin() as session:
        tool = factories.tool(session, owner)
        version = factories.version(session, tool, state="pending")
        build = factories.build(session, version, owner, state=state)
        if state in build_states.ACTIVE:
            build.lease_owner, build.fence = "host:boot", 1
        return tool, version, build


def cancelled(ports: WebPorts, by: Account, job: Run | Build) -> Any:
    with ports.transactions.begin() as session:
        if isinstance(job, Run):
            return cancel.cancel_run(session, by, session.get_one(Run, job.id))
        return cancel.cancel_build(session, by, session.get_one(Build, job.id))


@pytest.mark.parametrize("state", sorted(run_states.WAITING))
def test_a_waiting_run_ends_at_once(web_ports: WebPorts, owner: Account, state: str) -> None:
    run = make_run(web_ports, owner, state)
    assert cancelled(web_ports, owner, run).state == "cancelled"
    with web_ports.transactions.read() as session:
        ended = session.get_one(Run, run.id)
        bodies = session.scalars(select(Outbox.body)).all()
    assert ended.finished_at is not None
    assert [type(decode(body)) for body in bodies] == [RunFinished]
    assert cancelled(web_ports, owner, run).state == "cancelled", "twice is fine"


@pytest.mark.parametrize("state", sorted(run_states.ACTIVE))
def test_a_held_run_is_marked_and_keeps_its_lease(
    web_ports: WebPorts, owner: Account, state: str
) -> None:
    run = make_run(web_ports, owner, state)
    marked = cancelled(web_ports, owner, run)
    assert (marked.state, marked.lease_owner) == (state, "host:boot")
    assert marked.cancel_requested_at is not None
    assert cancel.topics(marked) == [run.id, f"account:{owner.id}", "worker:host:boot"]
    again = cancelled(web_ports, owner, run)
    assert again.cancel_requested_at == marked.cancel_requested_at


@pytest.mark.parametrize("state", sorted(run_states.TERMINAL))
def test_an_ended_run_stays_as_it_is(web_ports: WebPorts, owner: Account, state: str) -> None:
    run = make_run(web_ports, owner, state)
    after = cancelled(web_ports, owner, run)
    assert (after.state, after.cancel_requested_at) == (state, None)


@pytest.mark.parametrize("state", sorted(build_states.ALL))
def test_builds_are_cancelled_alike_and_take_their_version_along(
    web_ports: WebPorts, owner: Account, state: str
) -> None:
    _, version, build = make_build(web_ports, owner, state)
    after = cancelled(web_ports, owner, build)
    with web_ports.transactions.read() as session:
        version_state = session.get_one(Version, version.id).state
    if state == "queued":
        assert (after.state, version_state) == ("cancelled", "failed")
    else:
        assert (after.state, version_state) == (state, "pending")
        assert (after.cancel_requested_at is not None) == (state in build_states.ACTIVE)


def test_only_who_may_can_cancel(web_ports: WebPorts, owner: Account) -> None:
    run = make_run(web_ports, owner, "queued")
    _, _, build = make_build(web_ports, owner, "queued")
    with web_ports.transactions.begin() as session:
        stranger = factories.account(session)
        admin = factories.account(session, admin=True)
    with pytest.raises(Absent):
        cancelled(web_ports, stranger, run)
    with pytest.raises(Forbidden):
        cancelled(web_ports, stranger, build)
    assert cancelled(web_ports, admin, run).state == "cancelled"
    assert cancelled(web_ports, admin, build).state == "cancelled"


def test_a_heartbeat_tells_the_cancel_and_the_worker_ends_the_run(
    web_ports: WebPorts, owner: Account
) -> None:
    run = make_run(web_ports, owner, "queued")
    held = Worker(make_app(web_ports).test_client(), WORKER_TOKEN).claim("run", run.id)
    cancelled(web_ports, owner, run)
    assert held.heartbeat() == "cancel"
    assert held.finish("cancelled", exit_code=None, signal=15).status_code == 204


def test_a_program_that_ended_by_itself_before_the_cancel_keeps_its_true_outcome(
    web_ports: WebPorts, owner: Account
) -> None:
    run = make_run(web_ports, owner, "queued")
    held = Worker(make_app(web_ports).test_client(), WORKER_TOKEN).claim("run", run.id)
    cancelled(web_ports, owner, run)
    assert held.finish("succeeded").status_code == 204
    with web_ports.transactions.read() as session:
        assert session.get_one(Run, run.id).state == "succeeded"


def test_a_cancelled_run_that_is_given_back_is_cancelled(
    web_ports: WebPorts, owner: Account
) -> None:
    run = make_run(web_ports, owner, "queued")
    held = Worker(make_app(web_ports).test_client(), WORKER_TOKEN).claim("run", run.id)
    cancelled(web_ports, owner, run)
    assert held.release().status_code == 204
    with web_ports.transactions.read() as session:
        assert session.get_one(Run, run.id).state == "cancelled"


def test_a_waiting_poll_is_answered_when_the_cancel_is_committed(
    web_ports: WebPorts, owner: Account
) -> None:
    run = make_run(web_ports, owner, "queued")
    worker = Worker(
        make_app(web_ports, directive_poll_seconds=60).test_client(), WORKER_TOKEN, "host:boot"
    )
    worker.claim("run", run.id)
    other = make_run(web_ports, owner, "running")
    with web_ports.transactions.begin() as session:
        session.execute(update(Run).where(Run.id == other.id).values(lease_owner="other:host"))
    found: list[Any] = []
    began = time.monotonic()
    thread = threading.Thread(target=lambda: found.extend(worker.directives(wait=20)))
    thread.start()
    time.sleep(0.2)
    cancelled(web_ports, owner, other)
    assert not found, "of another worker's job nothing is told"
    job = cancelled(web_ports, owner, run)
    web_ports.bell.ring(*cancel.topics(job))
    thread.join(10)
    assert found == [{"kind": "run", "id": run.id, "fence": 1, "directive": "cancel"}]
    assert time.monotonic() - began < 5


def test_a_cancel_of_another_web_process_is_found_by_polling(
    web_ports: WebPorts, owner: Account
) -> None:
    run = make_run(web_ports, owner, "running")
    directives = Directives(web_ports.transactions, Bell(), poll_seconds=0.05)
    threading.Timer(0.2, cancelled, [web_ports, owner, run]).start()
    assert [one.id for one in directives.wait("host:boot", 10)] == [run.id]


def test_a_directive_is_not_repeated_at_once_and_polls_end_in_time(
    web_ports: WebPorts, owner: Account
) -> None:
    run = make_run(web_ports, owner, "running")
    cancelled(web_ports, owner, run)
    directives = Directives(web_ports.transactions, Bell(), poll_seconds=0.05)
    assert len(directives.wait("host:boot", 0)) == 1
    began = time.monotonic()
    assert directives.wait("host:boot", 0.3) == []
    assert 0.25 < time.monotonic() - began < 3


def test_a_waiting_worker_does_not_hold_up_the_end_of_web(web_ports: WebPorts) -> None:
    ending = threading.Event()
    directives = Directives(web_ports.transactions, Bell(), 5.0, stopping=ending.is_set)
    threading.Timer(0.2, ending.set).start()
    began = time.monotonic()
    assert directives.wait("host:boot", 20) == []
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("dialect", "webs", "seconds"),
    [("sqlite", "1", 5.0), ("sqlite", "1..3", 0.5), ("sqlite", "2", 0.5), ("postgresql", "1", 0.5)],
)
def test_only_a_web_process_that_is_alone_relies_on_its_own_bell(
    dialect: str, webs: str, seconds: float
) -> None:
    assert worker_api._poll_seconds(dialect, webs) == seconds
