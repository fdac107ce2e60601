"""What a stale, foreign or unknown worker must not do."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import ColumnElement, bindparam, select

from shared.schema.accounts import Account
from shared.schema.runs import Run
from shared.schema.tools import Build, Tool, Version
from shared.work import RunReport
from tests.web.conftest import WORKER_TOKEN
from tests.web.worker_api.facts import row
from tests.web.worker_client import Held, Worker, build_report
from web import finish, leases
from web.leases import Hold, LeaseLost
from web.ports import WebPorts
from web.request_run import RunRequest, request_run


def calls(held: Held) -> dict[str, Callable[[], Any]]:
    """Every write of the worker API."""
    if held.kind == "run":
        phase, end = "running", dict[str, Any]()
    else:
        phase, end = "cloning", build_report()
    return {
        "phase": lambda: held.phase(phase),
        "log": lambda: held.log(0, b"x"),
        "uploads": lambda: held.post("uploads", objects=[]),
        "finish": lambda: held.finish(**end),
        "release": held.release,
    }


WRITES = ["phase", "log", "uploads", "finish", "release"]


def kind(job: Run | Build) -> str:
    return "run" if isinstance(job, Run) else "build"


@pytest.mark.parametrize("what", WRITES)
def test_a_stale_attempt_is_refused_everywhere_and_changes_nothing(
    web_ports: WebPorts, worker: Worker, job: Run | Build, what: str
) -> None:
    stale = worker.claim(kind(job), job.id)
    assert stale.release().status_code == 204
    holder = worker.claim(kind(job), job.id)
    before = row(web_ports, type(job), job.id)
    answer = calls(stale)[what]()
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "lost")
    after = row(web_ports, type(job), job.id)
    assert (after.state, after.fence, after.lease_owner) == ("leased", before.fence, worker.name)
    assert stale.heartbeat() == "lost"
    assert holder.heartbeat() == "continue"


@pytest.mark.parametrize("what", WRITES)
def test_an_old_token_with_the_present_fence_is_stale_too(
    worker: Worker, job: Run | Build, what: str
) -> None:
    stale = worker.claim(kind(job), job.id)
    stale.release()
    stale.fence = worker.claim(kind(job), job.id).fence
    assert calls(stale)[what]().status_code == 409


@pytest.mark.parametrize("what", WRITES)
def test_the_present_token_with_another_fence_is_stale_too(
    worker: Worker, job: Run | Build, what: str
) -> None:
    held = worker.claim(kind(job), job.id)
    held.fence += 1
    assert calls(held)[what]().status_code == 409


@pytest.mark.parametrize("what", WRITES)
def test_after_the_end_nothing_is_taken_any_more(
    web_ports: WebPorts, worker: Worker, job: Run | Build, what: str
) -> None:
    held = worker.claim(kind(job), job.id)
    held.finish("failed", reason="the end")
    answer = calls(held)[what]()
    assert answer.status_code == (204 if what == "finish" else 409)
    assert row(web_ports, type(job), job.id).state == "failed"


@pytest.mark.parametrize("what", [*WRITES, "heartbeat"])
@pytest.mark.parametrize("token", ["", "wrong", "tya_wrong.0123", WORKER_TOKEN])
def test_tokens_that_never_existed_are_unknown(
    worker: Worker, job: Run | Build, what: str, token: str
) -> None:
    held = worker.claim(kind(job), job.id)
    held.token = token
    answer = held.post("heartbeat") if what == "heartbeat" else calls(held)[what]()
    assert answer.status_code == 401


@pytest.mark.parametrize("what", [*WRITES, "heartbeat"])
def test_the_token_of_another_job_opens_nothing(
    worker: Worker,
    made: Callable[..., Any],
    person: Account,
    ready: tuple[Tool, Version],
    run: Run,
    what: str,
) -> None:
    other: Run = made(request_run, person, *ready, RunRequest())
    mine, theirs = worker.claim("run", run.id), worker.claim("run", other.id)
    mine.token = theirs.token
    answer = mine.post("heartbeat") if what == "heartbeat" else calls(mine)[what]()
    assert answer.status_code == 401


@pytest.mark.parametrize("token", ["", "wrong", "ä"])
def test_claims_and_directives_need_the_installations_token(
    client: FlaskClient, run: Run, token: str
) -> None:
    stranger = Worker(client, token)
    assert stranger.ask("run", run.id).status_code == 401
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/v1/worker/directives?worker=w", headers=headers).status_code == 401


def test_there_is_nothing_to_claim_in_what_is_taken_ended_or_unknown(
    worker: Worker, run: Run
) -> None:
    held = worker.claim("run", run.id)
    assert worker.ask("run", run.id).status_code == 204
    held.finish()
    assert worker.ask("run", run.id).status_code == 204
    assert worker.ask("run", "run_unknown").status_code == 204
    assert worker.ask("build", run.id).status_code == 204


class Unfenced(Hold):
    """A holder whose writes carry no condition but the id: what the fence protects from."""

    def where(self) -> tuple[ColumnElement[bool], ...]:
        return (Run.id == self.id,)


def test_without_the_fence_a_stale_result_would_be_accepted(
    web_ports: WebPorts, worker: Worker, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = worker.claim("run", run.id)
    stale.release()
    worker.claim("run", run.id)
    report = RunReport(fence=stale.fence, state="failed", exit_code=1)
    with web_ports.transactions.begin() as session, pytest.raises(LeaseLost):
        finish.finish_run(session, Hold("run", run.id, stale.fence, stale.token), report)
    assert row(web_ports, Run, run.id).state == "leased"
    unfenced = select(Run).where(Run.id == bindparam("id"))
    monkeypatch.setattr(leases, "_LOCKED", {"run": unfenced})
    with web_ports.transactions.begin() as session:
        finish.finish_run(session, Unfenced("run", run.id, stale.fence, stale.token), report)
    assert row(web_ports, Run, run.id).state == "failed"
