"""The life of a build."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from shared.events import BuildFinished, RunFinished, RunRequested
from shared.schema.accounts import Account
from shared.schema.runs import Run
from shared.schema.tools import Build, Image, Tool, Version
from tests import factories
from tests.web.worker_api.facts import events, row
from tests.web.worker_client import IDENTITY, Worker, build_report
from web.ports import WebPorts
from web.request_run import RunRequest, request_run


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
