"""The worker API: the life of a run and of a build, and everything a stale or foreign worker must not do."""

import dataclasses
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import ColumnElement, bindparam, select, update
from sqlalchemy.orm import Session

from shared import outbox
from shared.events import BuildFinished, Event, RunFinished, RunRequested, decode
from shared.sandbox_flags import LINE_BUFFERED
from shared.schema.accounts import Account
from shared.schema.messages import Outbox
from shared.schema.runs import JobEvent, Output, Run
from shared.schema.tools import Build, Image, Tool, Version
from shared.work import Manifest, RunReport
from tests import factories
from tests.web.conftest import WORKER_TOKEN
from tests.web.worker_client import IDENTITY, Held, Worker, build_report, make_app
from web import finish, leases, run_results
from web.leases import Hold, LeaseLost
from web.ports import WebPorts
from web.request_run import InputChoice, RunRequest, request_run
from web.store_file import add_file, new_key, received
from web.views import lookups


@pytest.fixture
def app(web_ports: WebPorts) -> Flask:
    return make_app(web_ports)


@pytest.fixture
def worker(client: FlaskClient) -> Worker:
    return Worker(client, WORKER_TOKEN)


@pytest.fixture
def made(web_ports: WebPorts) -> Callable[..., Any]:
    """`made(function, *args)` runs a use case or factory in a transaction of its own."""

    def run(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with web_ports.transactions.begin() as session:
            return function(session, *args, **kwargs)

    return run


@pytest.fixture
def person(made: Callable[..., Any]) -> Account:
    account: Account = made(factories.account)
    return account


@pytest.fixture
def ready(made: Callable[..., Any], person: Account) -> tuple[Tool, Version]:
    tool: tuple[Tool, Version] = made(factories.ready_tool, person, "wc")
    return tool


@pytest.fixture
def run(made: Callable[..., Any], person: Account, ready: tuple[Tool, Version]) -> Run:
    new: Run = made(request_run, person, *ready, RunRequest(line="-l in.txt"))
    return new


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


# The life of a run


def test_a_run_is_claimed_with_all_it_needs_reported_on_and_finished_once(
    web_ports: WebPorts,
    worker: Worker,
    made: Callable[..., Any],
    person: Account,
    ready: tuple[Tool, Version],
) -> None:
    file_id = upload(web_ports, made, person, "in.txt", b"a\nb\n")
    stdin_id = upload(web_ports, made, person, "whatever", b"typed")
    wanted = RunRequest(
        line="-l 'in.txt'",
        inputs=[InputChoice(file_id)],
        stdin_file_id=stdin_id,
        env={"LANG": "C"},
        timeout_seconds=30,
    )
    run: Run = made(request_run, person, *ready, wanted)
    assert [event.run_id for event in events(web_ports, RunRequested)] == [run.id]

    held = worker.claim("run", run.id)
    given = held.given
    assert given["argv"] == ["python", "-m", "wc", "-l", "in.txt"]
    assert (given["image"], given["env"]) == (factories.IMAGE, LINE_BUFFERED | {"LANG": "C"})
    assert given["limits"]["wall_seconds"] == 30
    assert given["network"] == {"mode": "off", "hosts": []}
    assert given["account"] == person.id
    assert [item["name"] for item in given["inputs"]] == ["in.txt"]
    for item, data in ((given["inputs"][0], b"a\nb\n"), (given["stdin"], b"typed")):
        path = item["url"].removeprefix(web_ports.settings.url)
        with worker.client.get(path) as download:
            assert download.data == data
    assert row(web_ports, Run, run.id).token_digest not in (None, held.token)

    for phase in ("staging", "starting", "running"):
        assert held.phase(phase).status_code == 204
    assert row(web_ports, Run, run.id).state == "running"
    assert held.heartbeat() == "continue"
    assert held.log(0, b"2 in").json == {"next": 4}
    assert held.log(4, b".txt\n").json == {"next": 9}
    assert held.phase("finalizing").status_code == 204
    report = held.results(stdout=b"2 in.txt\n", **{"new dir/ü\n": b"made"})
    assert held.finish(**report).status_code == 204

    ended: Run = row(web_ports, Run, run.id)
    assert (ended.state, ended.exit_code, ended.seconds) == ("succeeded", 0, 1.5)
    assert (ended.result_fence, ended.lease_owner, ended.lease_until) == (held.fence, None, None)
    assert ended.finished_at is not None
    with web_ports.transactions.read() as session:
        outputs = session.scalars(select(Output).where(Output.run_id == run.id)).all()
    assert [(output.path, output.size) for output in outputs] == [("new dir/ü\n", 4)]
    assert outputs[0].key.startswith(f"runs/{run.id}/{given['attempt']}/")
    assert [event.run_id for event in events(web_ports, RunFinished)] == [run.id]
    assert phases(web_ports, run.id) == [
        "queued",
        "leased",
        "staging",
        "starting",
        "running",
        "finalizing",
        "succeeded",
    ]

    assert held.finish(**report).status_code == 204, "the same report again is fine"
    assert len(events(web_ports, RunFinished)) == 1
    assert held.heartbeat() == "lost"


def test_a_phase_too_short_to_be_told_stands_in_the_history_with_its_time(
    web_ports: WebPorts, worker: Worker, run: Run
) -> None:
    held = worker.claim("run", run.id)
    report = {"untold": [{"phase": "running", "ago": 1.5}], **held.results(stdout=b"x")}
    assert held.finish(**report).status_code == 204
    assert phases(web_ports, run.id) == ["queued", "leased", "running", "succeeded"]
    with web_ports.transactions.read() as session:
        rows = session.scalars(select(JobEvent).where(JobEvent.job_id == run.id)).all()
    at = {row.phase: row.at for row in rows}
    assert at["succeeded"] - at["running"] >= 1500

    assert held.finish(**report).status_code == 204
    assert len(phases(web_ports, run.id)) == 4


def test_the_assignment_tells_where_its_objects_lie(worker: Worker, run: Run) -> None:
    held = worker.claim("run", run.id)
    assert held.results(stdout=b"x")["manifest"]["stdout"]["key"] == held.given["prefix"] + "stdout"


@pytest.mark.parametrize(
    ("state", "facts"),
    [
        ("failed", {"exit_code": 3, "reason": "exited with 3"}),
        ("failed", {"exit_code": None, "signal": 9, "oom": True, "reason": "memory"}),
        ("timed_out", {"exit_code": None, "signal": 15, "reason": "after 10 s"}),
        ("cancelled", {"exit_code": None, "signal": 15, "reason": "cancelled"}),
    ],
)
def test_every_ending_keeps_its_facts(
    web_ports: WebPorts, worker: Worker, run: Run, state: str, facts: dict[str, Any]
) -> None:
    held = worker.claim("run", run.id)
    assert held.finish(state, **facts).status_code == 204
    ended = row(web_ports, Run, run.id)
    assert ended.state == state
    assert {name: getattr(ended, name) for name in facts} == facts
    assert phases(web_ports, run.id)[-1] == state


def test_a_phase_told_twice_or_late_does_not_move_the_state_back(
    web_ports: WebPorts, worker: Worker, run: Run
) -> None:
    held = worker.claim("run", run.id)
    for phase in ("running", "running", "staging"):
        assert held.phase(phase).status_code == 204
    assert row(web_ports, Run, run.id).state == "running"
    assert phases(web_ports, run.id) == ["queued", "leased", "running", "staging"]
    answer = held.phase("dancing")
    assert answer.status_code == 422
    assert "There is no phase" in answer.text


# The life of a build


@pytest.fixture
def pending(made: Callable[..., Any], person: Account) -> tuple[Tool, Version, Build]:
    def make(session: Session) -> tuple[Tool, Version, Build]:
        tool = factories.tool(session, person, "wc")
        version = factories.version(session, tool, state="pending")
        return tool, version, factories.build(session, version, person)

    rows: tuple[Tool, Version, Build] = made(make)
    return rows


def test_a_finished_build_makes_its_version_ready_and_lets_waiting_runs_go(
    web_ports: WebPorts,
    worker: Worker,
    made: Callable[..., Any],
    person: Account,
    pending: tuple[Tool, Version, Build],
) -> None:
    tool, version, build = pending
    waiting: Run = made(request_run, person, tool, version, RunRequest(command="wc-lines"))
    wrong: Run = made(request_run, person, tool, version, RunRequest(command="nothing"))
    assert waiting.state == wrong.state == "waiting_build"
    assert events(web_ports, RunRequested) == []
    assert worker.ask("run", waiting.id).status_code == 204

    held = worker.claim("build", build.id)
    assert held.given["link"] == version.link
    assert held.given["scope"] == ""
    for phase in ("cloning", "detecting", "building", "smoking", "building", "smoking"):
        assert held.phase(phase, "second plan").status_code == 204
        assert row(web_ports, Build, build.id).state == phase
    assert held.finish(**build_report()).status_code == 204

    assert row(web_ports, Build, build.id).state == "succeeded"
    done: Version = row(web_ports, Version, version.id)
    assert (done.state, done.image, done.commit) == ("ready", factories.IMAGE, factories.COMMIT)
    assert (done.readme, done.licence, done.reason) == ("# wc", "MIT", "")
    assert row(web_ports, Tool, tool.id).description == "Counts words"
    assert row(web_ports, Image, IDENTITY).image == factories.IMAGE
    assert len(events(web_ports, BuildFinished)) == 1
    assert [event.run_id for event in events(web_ports, RunRequested)] == [waiting.id]
    assert worker.claim("run", waiting.id).given["argv"] == ["wc-lines"]
    refused: Run = row(web_ports, Run, wrong.id)
    assert refused.state == "failed"
    assert "has no command nothing. It has: wc, wc-lines." in refused.reason
    assert held.finish(**build_report()).status_code == 204
    assert len(events(web_ports, BuildFinished)) == 1


@pytest.mark.parametrize("state", ["failed", "timed_out", "cancelled"])
def test_a_build_without_an_image_fails_its_version_and_its_waiting_runs(
    web_ports: WebPorts,
    worker: Worker,
    made: Callable[..., Any],
    person: Account,
    pending: tuple[Tool, Version, Build],
    state: str,
) -> None:
    tool, version, build = pending
    waiting: Run = made(request_run, person, tool, version, RunRequest())
    held = worker.claim("build", build.id)
    tried = build_report()["plans_tried"]
    assert held.finish(state, reason="no entry point", plans_tried=tried).status_code == 204
    done: Version = row(web_ports, Version, version.id)
    assert (done.state, done.reason, len(done.plans_tried)) == ("failed", "no entry point", 1)
    ended: Run = row(web_ports, Run, waiting.id)
    assert (ended.state, ended.reason) == ("failed", "The build failed: no entry point")
    assert len(events(web_ports, RunFinished)) == 1


@pytest.mark.parametrize("missing", ["image", "identity", "commit", "plan"])
def test_a_success_that_nothing_could_start_from_is_refused(
    web_ports: WebPorts, worker: Worker, pending: tuple[Tool, Version, Build], missing: str
) -> None:
    held = worker.claim("build", pending[2].id)
    answer = held.finish(**build_report(**{missing: None}))
    assert answer.status_code == 422
    assert row(web_ports, Version, pending[1].id).state == "pending"


def test_private_tools_build_in_their_owners_scope(
    worker: Worker, made: Callable[..., Any], person: Account
) -> None:
    def make(session: Session) -> Build:
        tool = factories.tool(session, person, private=True)
        return factories.build(session, factories.version(session, tool, state="pending"), person)

    assert worker.claim("build", made(make).id).given["scope"] == person.id


# Who may do what


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


@pytest.fixture(params=["run", "build"])
def job(request: pytest.FixtureRequest) -> Run | Build:
    if request.param == "run":
        run: Run = request.getfixturevalue("run")
        return run
    build: Build = request.getfixturevalue("pending")[2]
    return build


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


# Results


def test_results_of_another_attempt_cannot_be_claimed(
    web_ports: WebPorts, worker: Worker, run: Run
) -> None:
    first = worker.claim("run", run.id)
    theirs = first.results(stdout=b"theirs")
    first.release()
    second = worker.claim("run", run.id)
    answer = second.finish(**theirs)
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "foreign_key")  # type: ignore[index]
    assert row(web_ports, Run, run.id).state == "leased"


@pytest.mark.parametrize("change", [{"size": 9}, {"sha256": "0" * 64}])
def test_results_that_are_not_wholly_there_are_refused(
    web_ports: WebPorts, worker: Worker, run: Run, change: dict[str, Any]
) -> None:
    held = worker.claim("run", run.id)
    report = held.results(**{"out.txt": b"made"})
    report["manifest"]["outputs"][0].update(change)
    assert held.finish(**report).status_code == 422
    report = held.results(**{"out.txt": b"made"})
    web_ports.objects.delete(report["manifest"]["stdout"]["key"])
    assert held.finish(**report).status_code == 422
    assert row(web_ports, Run, run.id).state == "leased"


def stored(ports: WebPorts) -> set[str]:
    return {found.key for found in ports.objects.walk()}


def test_small_results_come_with_the_report_and_web_stores_them_with_the_manifest(
    web_ports: WebPorts, worker: Worker, run: Run
) -> None:
    held = worker.claim("run", run.id)
    report = held.brought(stdout=b"bytes\0\xff", **{"out.txt": b"made"})

    assert held.finish(**report).status_code == 204

    ended = row(web_ports, Run, run.id)
    prefix = held.given["prefix"]
    assert stored(web_ports) == {prefix + n for n in ("stdout", "stderr", "o/0", "manifest")}
    assert (ended.state, ended.manifest_key) == ("succeeded", prefix + "manifest")
    with web_ports.objects.open(prefix + "manifest") as file:
        assert Manifest.model_validate_json(file.read()) == Manifest(**report["manifest"])
    with web_ports.objects.open(prefix + "stdout") as file:
        assert file.read() == b"bytes\0\xff"
    assert held.finish(**report).status_code == 204  # its first answer was lost


def test_a_report_goes_on_where_web_died_between_the_store_and_the_database(
    web_ports: WebPorts, worker: Worker, run: Run
) -> None:
    held = worker.claim("run", run.id)
    report = held.brought(stdout=b"text")
    body = json.dumps({"fence": held.fence, "state": "succeeded", "exit_code": 0, **report})
    run_results.keep(RunReport.model_validate_json(body), web_ports.objects, held.given["prefix"])
    assert row(web_ports, Run, run.id).state == "leased"
    assert held.finish(**report, seconds=0).status_code == 204
    assert row(web_ports, Run, run.id).state == "succeeded"


def test_a_lost_attempt_brings_nothing_into_the_store(
    web_ports: WebPorts, worker: Worker, run: Run
) -> None:
    stale = worker.claim("run", run.id)
    stale.release()
    worker.claim("run", run.id)
    answer = stale.finish(**stale.brought(stdout=b"late"))
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "lost")  # type: ignore[index]
    assert stored(web_ports) == set()


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../b", "a//b", "./a"])
def test_output_paths_lie_below_the_working_folder(worker: Worker, run: Run, path: str) -> None:
    held = worker.claim("run", run.id)
    assert held.finish(**held.results(**{path: b"x"})).status_code == 422


@pytest.mark.parametrize("name", ["live/stdout/0-1", "a/../../b", "a//b", "a/", "../x", "A"])
def test_upload_names_stay_in_the_attempts_own_place(worker: Worker, run: Run, name: str) -> None:
    held = worker.claim("run", run.id)
    wanted = [{"name": name, "size": 1, "sha256": "0" * 64}]
    assert held.post("uploads", objects=wanted).status_code == 422


def test_a_report_that_postgresql_could_not_store_is_cleaned_not_lost(
    web_ports: WebPorts, worker: Worker, pending: tuple[Tool, Version, Build]
) -> None:
    held = worker.claim("build", pending[2].id)
    report = build_report(readme="a\0b", description="a\0b", licence="x\ny")
    assert held.finish(**report).status_code == 204
    assert row(web_ports, Version, pending[1].id).readme == "a\ufffdb"


# Limits of an account, giving back


def test_a_third_run_of_one_account_waits_and_is_woken_when_a_place_is_free(
    web_ports: WebPorts,
    worker: Worker,
    made: Callable[..., Any],
    person: Account,
    ready: tuple[Tool, Version],
) -> None:
    runs = [made(request_run, person, *ready, RunRequest()) for _ in range(3)]
    first, _ = (worker.claim("run", run.id) for run in runs[:2])
    assert worker.ask("run", runs[2].id).status_code == 204
    stranger: Account = made(factories.account)
    theirs: Run = made(request_run, stranger, *ready, RunRequest())
    worker.claim("run", theirs.id)
    before = len(events(web_ports, RunRequested))
    first.finish()
    woken = [event.run_id for event in events(web_ports, RunRequested)[before:]]
    assert woken == [runs[2].id]
    worker.claim("run", runs[2].id)


def test_the_relay_is_woken_by_an_end_only_where_a_worker_waits_for_what_follows(
    web_ports: WebPorts,
    made: Callable[..., Any],
    person: Account,
    ready: tuple[Tool, Version],
) -> None:
    rung: list[str] = []
    app = make_app(dataclasses.replace(web_ports, ring=rung.append))
    worker = Worker(app.test_client(), WORKER_TOKEN)
    runs = [made(request_run, person, *ready, RunRequest()) for _ in range(3)]
    first, second = (worker.claim("run", run.id) for run in runs[:2])
    worker.ask("run", runs[2].id)
    rung.clear()
    first.finish()
    assert rung == [outbox.DOORBELL]
    rung.clear()
    second.finish()  # archiver and notifier have time until the relay looks by itself
    assert rung == []


def test_a_run_whose_message_still_waits_is_not_announced_again(
    web_ports: WebPorts,
    worker: Worker,
    made: Callable[..., Any],
    person: Account,
    ready: tuple[Tool, Version],
) -> None:
    first, second = (made(request_run, person, *ready, RunRequest()) for _ in range(2))
    before = len(events(web_ports, RunRequested))
    worker.claim("run", first.id).finish()
    assert len(events(web_ports, RunRequested)) == before
    worker.claim("run", second.id)


def test_a_run_given_back_while_draining_costs_no_attempt_and_is_announced_at_once(
    web_ports: WebPorts, worker: Worker, run: Run
) -> None:
    held = worker.claim("run", run.id)
    assert held.release().status_code == 204
    back: Run = row(web_ports, Run, run.id)
    assert (back.state, back.infra_attempts, back.lease_owner) == ("queued", 0, None)
    assert len(events(web_ports, RunRequested)) >= 2
    assert worker.claim("run", run.id).fence == held.fence + 1


def test_a_run_given_back_for_trouble_costs_an_attempt_and_the_third_ends_it(
    web_ports: WebPorts, worker: Worker, run: Run
) -> None:
    for attempt in (1, 2, 3):
        with web_ports.transactions.begin() as session:
            session.execute(update(Run).values(not_before=0))
        assert (
            worker.claim("run", run.id).release("disk full", costs_attempt=True).status_code == 204
        )
        assert row(web_ports, Run, run.id).infra_attempts == attempt
        assert worker.ask("run", run.id).status_code == 204, "not at once"
    ended: Run = row(web_ports, Run, run.id)
    assert ended.state == "lost"
    assert "3 times" in ended.reason
    assert "disk full" in ended.reason


def test_a_run_whose_image_is_gone_waits_until_it_is_built_again(
    web_ports: WebPorts, worker: Worker, run: Run
) -> None:
    held = worker.claim("run", run.id)
    assert held.release("image gone: sha256:1", costs_attempt=False).status_code == 204
    assert row(web_ports, Run, run.id).state == "waiting_build"
    assert row(web_ports, Version, run.version_id).state == "pending"
    with web_ports.transactions.read() as session:
        build = lookups.latest_build(session, run.version_id)
    assert build is not None
    worker.claim("build", build.id).finish(**build_report())
    assert worker.claim("run", run.id).fence == held.fence + 1


# The form of requests


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("fence=1&stream=stdin&offset=0", 422),
        ("fence=1&stream=stdout&offset=-1", 422),
        ("fence=1&stream=stdout", 422),
        ("stream=stdout&offset=0", 422),
    ],
)
def test_a_log_chunk_names_fence_stream_and_offset(
    client: FlaskClient, worker: Worker, run: Run, query: str, status: int
) -> None:
    held = worker.claim("run", run.id)
    headers = {"Authorization": f"Bearer {held.token}"}
    answer = client.post(f"/api/v1/worker/runs/{run.id}/log?{query}", data=b"x", headers=headers)
    assert answer.status_code == status


def test_a_chunk_larger_than_a_mebibyte_is_refused(worker: Worker, run: Run) -> None:
    held = worker.claim("run", run.id)
    assert held.log(0, b"x" * ((1 << 20) + 1)).status_code == 413
    assert held.log(0, b"x" * (1 << 20)).json == {"next": 1 << 20}


def test_a_body_of_another_form_is_refused_with_the_field(worker: Worker, run: Run) -> None:
    held = worker.claim("run", run.id)
    answer = held.post("finish", state="dancing")
    assert answer.status_code == 422
    assert "state" in answer.text


@pytest.mark.parametrize("field", ["source_key", "sbom_key"])
def test_a_build_can_only_name_objects_of_its_own_attempt(
    web_ports: WebPorts, worker: Worker, pending: tuple[Tool, Version, Build], field: str
) -> None:
    _, version, build = pending
    held = worker.claim("build", build.id)
    own = f"builds/{build.id}/{held.given['attempt']}/source"
    for state in ("failed", "succeeded"):
        answer = held.finish(state, **build_report(**{field: "files/file_somebody_elses"}))
        assert (answer.status_code, answer.json["error"]["code"]) == (422, "foreign_key")  # type: ignore[index]
    assert held.finish(**build_report(**{field: own})).status_code == 204
    assert getattr(row(web_ports, Version, version.id), field) == own


def test_a_fence_that_no_column_holds_is_refused(worker: Worker, run: Run) -> None:
    held = worker.claim("run", run.id)
    held.fence = 10**30
    for answer in (held.post("heartbeat"), held.finish(), held.release()):
        assert answer.status_code == 422, answer.text
