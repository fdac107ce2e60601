"""While releases change, each side of the worker API meets bodies of the release before and of the one after."""

from collections.abc import Callable, Iterator
from typing import Any, get_args

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import BaseModel

from shared import plan, work
from shared.control import Control, Unavailable
from shared.plan import Network
from shared.schema.runs import Run
from shared.schema.tools import Build, Version
from shared.work import Body, BuildReport, InputFile, Limits, RunAssignment, RunReport
from tests import factories
from tests.runner_service.small_server import SmallServer, answer_json
from tests.web.conftest import WORKER_TOKEN
from tests.web.worker_client import Worker, build_report, make_app
from web.ports import WebPorts
from web.request_build import request_build
from web.request_run import RunRequest, request_run

RELEASED = {
    "BuildAssignment": "account attempt fence heartbeat_seconds id lease_seconds link token",
    "BuildReport": "fence state",
    "ClaimRequest": "id kind worker",
    "CollectRequest": "bytes_wanted worker",
    "CollectedImages": "images worker",
    "Command": "evidence name run",
    "Directive": "directive",
    "Heartbeat": "fence",
    "ImageAccess": "repository secret",
    "ImageRequest": "fence",
    "ImagesToCollect": "images",
    "InputFile": "name sha256 size url",
    "KeptImage": "identity image",
    "KeptStream": "kept sha256 size",
    "Lease": "account attempt fence heartbeat_seconds id lease_seconds token",
    "Limits": "",
    "LogAccepted": "next",
    "Manifest": "stderr stdout",
    "Network": "",
    "OutputFile": "key path sha256 size",
    "OwnDockerfile": "path text",
    "PastPhase": "ago phase",
    "PhaseReport": "fence phase",
    "Plan": "base runtime",
    "PlanTried": "plan",
    "PreviewAssignment": "account attempt fence heartbeat_seconds id lease_seconds link token",
    "PreviewReport": "fence state",
    "Provenance": "bases builder_version commit identity repository source_sha256",
    "Release": "fence reason",
    "RunAssignment": (
        "account argv attempt fence heartbeat_seconds id image lease_seconds limits network prefix token"
    ),
    "RunReport": "fence state",
    "SourceCredential": "host secret username",
    "SourceSnapshot": "commit file",
    "Step": "argv name",
    "UploadObject": "name sha256 size",
    "UploadRequest": "fence objects",
    "UploadTargets": "keys urls",
}
"""Bodies of the last release, and what it needs of each: it is still sent, and nothing more is needed."""

NEVER_IGNORED = {"Network"}
"""What an older worker does not know of it may be what keeps a program in."""


def bodies() -> Iterator[type[BaseModel]]:
    """Every model of the worker API, and what those are made of."""
    waiting: list[Any] = [
        one for one in vars(work).values() if isinstance(one, type) and issubclass(one, Body)
    ]
    seen: set[type[BaseModel]] = {Body}
    while waiting:
        one = waiting.pop()
        if isinstance(one, type) and issubclass(one, BaseModel) and one not in seen:
            seen.add(one)
            yield one
            waiting.extend(field.annotation for field in one.model_fields.values())
        waiting.extend(get_args(one))


def newer(body: BaseModel) -> Any:
    """The body as a later release might send it: in each part stands something more."""

    def more(value: Any) -> Any:
        if isinstance(value, BaseModel):
            told = {name: more(getattr(value, name)) for name in type(value).model_fields}
            if type(value).__name__ not in NEVER_IGNORED:
                told["of_the_next_release"] = {"any": ["thing"]}
            return told
        if isinstance(value, list | tuple):
            return [more(one) for one in value]
        if isinstance(value, dict):
            return {name: more(one) for name, one in value.items()}
        return value

    return more(body)


def test_every_body_is_known_to_this_test() -> None:
    assert {one.__name__ for one in bodies()} == set(RELEASED)


@pytest.mark.parametrize("name", sorted(RELEASED))
def test_the_release_before_understands_us_and_we_understand_it(name: str) -> None:
    body = getattr(work, name, None) or getattr(plan, name)
    needed_before = set(RELEASED[name].split())
    needed_now = {field for field, told in body.model_fields.items() if told.is_required()}
    assert needed_now <= needed_before, "a new field needs a default: what was meant without it"
    assert needed_before <= set(body.model_fields), "the release before needs it still"
    refuses = body.model_config.get("extra") == "forbid"
    assert refuses == (name in NEVER_IGNORED)


RUN = RunAssignment(
    id="run_1",
    fence=3,
    attempt="att_1",
    token="tok_1",
    lease_seconds=45,
    heartbeat_seconds=10,
    account="acc_1",
    prefix="runs/run_1/att_1/",
    image="sha256:1",
    argv=["cat"],
    network=Network(mode="hosts", hosts=("example.org",)),
    limits=Limits(),
    inputs=[InputFile(name="a", size=1, sha256="0" * 64, url="https://example.org/a")],
)


def claimed_from(told: object) -> RunAssignment | None:
    server = SmallServer(lambda _: answer_json(told))
    control = Control(server.url, "worker-token", "host:boot", timeout=5)
    try:
        return control.claim("run", "run_1")
    finally:
        control.close()
        server.close()


def test_a_worker_takes_a_job_of_a_newer_web() -> None:
    assert claimed_from(newer(RUN)) == RUN


def test_a_worker_takes_no_job_whose_network_it_does_not_understand() -> None:
    told = newer(RUN)
    told["network"]["only_port"] = 443
    with pytest.raises(Unavailable, match="only_port"):
        claimed_from(told)


@pytest.fixture
def app(web_ports: WebPorts) -> Flask:
    return make_app(web_ports)


def test_web_takes_the_reports_of_newer_workers(
    web_ports: WebPorts, client: FlaskClient, made: Callable[..., Any]
) -> None:
    worker = Worker(client, WORKER_TOKEN)
    person = made(factories.account)
    tool, version = made(factories.ready_tool, person, "wc")
    run: Run = made(request_run, person, tool, version, RunRequest(line="-l"))
    build: Build = made(
        request_build, person, made(factories.version, tool, number=2, state="pending")
    )

    held = worker.claim("run", run.id)
    ended = RunReport(
        fence=held.fence, state="succeeded", exit_code=0, **held.results(b"3", **{"a.txt": b"x"})
    )
    answers = [held.post("heartbeat", next_release=1), held.post("finish", **newer(ended))]
    held = worker.claim("build", build.id)
    made_so = BuildReport(fence=held.fence, state="succeeded", **build_report())
    answers += [held.post("phase", phase="building", next_release=1)]
    answers += [held.post("finish", **newer(made_so))]

    assert [answer.status_code for answer in answers] == [200, 204, 204, 204]
    with web_ports.transactions.read() as session:
        assert session.get_one(Run, run.id).state == "succeeded"
        assert session.get_one(Version, build.version_id).commands == [
            command.model_dump(mode="json") for command in factories.COMMANDS
        ]
