"""A worker gets access to its own tool's repository while it holds the job, and to nothing else."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from shared.images import ImagesUnavailable
from shared.images_local import LocalImages
from shared.images_registry import TokenRegistry
from shared.registry_tokens import new_key
from shared.schema.accounts import Account
from shared.schema.tools import Build, Image, Tool, Version
from shared.work import ImageAccess, KeptImage
from tests.web.conftest import WORKER_TOKEN
from tests.web.worker_client import Held, Worker, build_report, make_app
from web import admin, images
from web.ports import WebPorts
from web.request_build import request_build
from web.request_run import RunRequest, request_run

DIGEST = "@sha256:" + "d" * 64
KEY = new_key()


@pytest.fixture
def ports(web_ports: WebPorts) -> WebPorts:
    return replace(web_ports, registry=TokenRegistry("registry.example/toolyard", KEY))


@pytest.fixture
def app(ports: WebPorts) -> Flask:
    return make_app(ports)


@pytest.fixture
def build(
    made: Callable[..., Any], person: Account, ready: tuple[Tool, Version], worker: Worker
) -> Held:
    new: Build = made(request_build, person, ready[1])
    return worker.claim("build", new.id)


def run_of(
    made: Callable[..., Any],
    person: Account,
    ready: tuple[Tool, Version],
    worker: Worker,
    image: str,
) -> Held:
    def keep(session: Any) -> None:
        session.get_one(Version, ready[1].id).image = image

    made(keep)
    run = made(request_run, person, *ready, RunRequest(line="-l"))
    return worker.claim("run", run.id)


def granted(answer: TestResponse) -> tuple[str, dict[str, Any]]:
    """Repository, and the one entry of the token."""
    assert answer.status_code == 200, answer.text
    access = ImageAccess.model_validate_json(answer.data)
    text = access.secret.get_secret_value().split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    (entry,) = claims["access"]
    assert 0 < claims["exp"] - claims["iat"] <= 900
    return access.repository, entry


def repository(tool: Tool) -> str:
    return f"registry.example/toolyard/{tool.id.replace('_', '-')}"


def test_a_build_may_push_to_its_own_tool_s_repository(
    build: Held, ready: tuple[Tool, Version]
) -> None:
    assert build.given["repository"] == repository(ready[0])
    place, entry = granted(build.post("image"))
    assert place == repository(ready[0])
    assert entry == {
        "type": "repository",
        "name": place.partition("/")[2],
        "actions": ["pull", "push"],
    }


def test_a_run_may_pull_from_its_tool_s_repository_and_learns_the_size(
    made: Callable[..., Any], person: Account, ready: tuple[Tool, Version], worker: Worker
) -> None:
    held = run_of(made, person, ready, worker, repository(ready[0]) + DIGEST)
    place, entry = granted(held.post("image"))
    assert place == repository(ready[0])
    assert entry["actions"] == ["pull"]
    answer: Any = held.post("image").json
    assert answer["image_bytes"] == made(
        lambda session: session.get_one(Image, session.get_one(Version, ready[1].id).identity).size
    )


@pytest.mark.parametrize(
    "image",
    ["sha256:" + "1" * 64, "other.example/x/y" + DIGEST, "registry.example/toolyard/z" + DIGEST],
)
def test_a_run_of_an_image_that_is_elsewhere_gets_nothing(
    image: str,
    made: Callable[..., Any],
    person: Account,
    ready: tuple[Tool, Version],
    worker: Worker,
) -> None:
    assert run_of(made, person, ready, worker, image).post("image").status_code == 204


def test_only_the_holder_of_the_job_gets_anything(build: Held, client: FlaskClient) -> None:
    def ask(fence: int, token: str) -> int:
        return client.post(
            f"/api/v1/worker/builds/{build.id}/image",
            json={"fence": fence},
            headers={"Authorization": f"Bearer {token}"},
        ).status_code

    assert ask(build.fence, build.token) == 200
    assert ask(build.fence + 1, build.token) == 409
    assert ask(build.fence, WORKER_TOKEN) == 401
    assert build.release().status_code == 204
    assert ask(build.fence, build.token) == 409


def test_the_token_is_in_no_log_line(build: Held) -> None:
    with capture_logs() as lines:
        answer: Any = build.post("image").json
    assert answer["secret"]
    assert lines
    assert answer["secret"] not in json.dumps(lines)


def test_a_built_image_must_lie_in_its_own_repository(
    build: Held, ready: tuple[Tool, Version]
) -> None:
    own = repository(ready[0])
    for image in (
        "sha256:" + "1" * 64,
        "registry.example/toolyard/other" + DIGEST,
        f"{own}:latest",
        f"{own}-2{DIGEST}",
        f"{own[:-1]}{'1' if own[-1] == '0' else '0'}{DIGEST}",
        f"{own}{DIGEST}0",
    ):
        answer = build.finish(**build_report(image=image))
        assert answer.status_code == 422, image
        assert own in answer.text

    assert build.finish(**build_report(image=own + DIGEST)).status_code == 204
    assert build.finish(**build_report(image=own + DIGEST)).status_code == 204  # told twice


def test_without_a_registry_images_stay_on_the_engine(
    web_ports: WebPorts,
    made: Callable[..., Any],
    person: Account,
    ready: tuple[Tool, Version],
) -> None:
    client = make_app(replace(web_ports, registry=LocalImages())).test_client()
    new: Build = made(request_build, person, ready[1])
    held = Worker(client, WORKER_TOKEN).claim("build", new.id)

    assert held.given["repository"] == ""
    assert held.post("image").status_code == 204
    foreign = held.finish(**build_report(image="registry.example/toolyard/x" + DIGEST))
    assert foreign.status_code == 422
    assert held.finish(**build_report(image="sha256:" + "1" * 64)).status_code == 204


def test_a_registry_that_gives_nothing_now_is_asked_later(
    web_ports: WebPorts, made: Callable[..., Any], person: Account, ready: tuple[Tool, Version]
) -> None:
    class Away(TokenRegistry):
        def push(self, tool_id: str) -> ImageAccess:
            raise ImagesUnavailable("ECR did not give access: timed out")

    ports = replace(web_ports, registry=Away("registry.example/toolyard", KEY))
    new: Build = made(request_build, person, ready[1])
    answer = (
        Worker(make_app(ports).test_client(), WORKER_TOKEN).claim("build", new.id).post("image")
    )
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


def test_the_operator_gets_the_certificate_of_the_key_that_signs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOOLYARD_DATA", str(tmp_path))
    printed = []
    for _ in range(2):
        assert admin.main(["registry-certificate"]) == 0
        printed.append(capsys.readouterr().out)
    key = (tmp_path / "secrets" / "registry-key").read_text()
    assert printed[0] == printed[1]
    assert printed[0].startswith("-----BEGIN CERTIFICATE-----")
    assert printed[0].strip() in key
    assert "PRIVATE" not in printed[0]


def test_an_image_that_the_registry_keeps_is_not_marked_as_collected(
    made: Callable[..., Any], ready: tuple[Tool, Version]
) -> None:
    kept = repository(ready[0]) + DIGEST

    def collect(session: Any, image: str) -> bool:
        row = session.get_one(Image, session.get_one(Version, ready[1].id).identity)
        row.image = image
        session.flush()
        images.mark_collected(session, [KeptImage(identity=row.identity, image=image)])
        session.expire_all()
        return images.is_collected(session, session.get_one(Version, ready[1].id))

    assert made(collect, kept) is False
    assert made(collect, "sha256:" + "2" * 64) is True
