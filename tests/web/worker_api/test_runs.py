"""The life of a run."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from shared import outbox
from shared.events import RunFinished, RunRequested
from shared.sandbox_flags import LINE_BUFFERED
from shared.schema.accounts import Account
from shared.schema.runs import JobEvent, Output, Run
from shared.schema.tools import Tool, Version
from tests import factories
from tests.web.conftest import WORKER_TOKEN
from tests.web.worker_api.facts import events, phases, row, upload
from tests.web.worker_client import Worker, build_report, make_app
from web.ports import WebPorts
from web.request_run import InputChoice, RunRequest, request_run
from web.views import lookups


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
