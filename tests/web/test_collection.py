"""A worker whose disk is full is told which images may go, and web knows which are gone."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from shared.schema.accounts import Account
from shared.schema.tools import Build, Image, Tool, Version
from tests import factories
from tests.web.conftest import WORKER_TOKEN
from tests.web.worker_client import make_app
from web.ports import WebPorts
from web.request_run import RunRequest, request_run


@pytest.fixture
def client(web_ports: WebPorts) -> FlaskClient:
    return make_app(web_ports).test_client()


@pytest.fixture
def three(web_ports: WebPorts) -> tuple[Account, dict[str, Version]]:
    """Three tools of 10 bytes each; `old` was used before `middle`, `middle` before `new`."""
    found = {}
    with web_ports.transactions.begin() as session:
        owner = factories.account(session)
        for at, name in enumerate(("old", "middle", "new")):
            _, version = factories.ready_tool(session, owner, name, image=f"sha256:{name}")
            session.execute(
                update(Image)
                .where(Image.identity == version.identity)
                .values(size=10, last_used_at=at)
            )
            found[name] = version
    return owner, found


def post(client: FlaskClient, what: str, **body: Any) -> TestResponse:
    return client.post(
        f"/api/v1/worker/images/{what}",
        json={"worker": "host:boot/builder", **body},
        headers={"Authorization": f"Bearer {WORKER_TOKEN}"},
    )


def offered(client: FlaskClient, bytes_wanted: int, *kept: str) -> list[str]:
    answer = post(client, "collect", bytes_wanted=bytes_wanted, kept=list(kept))
    assert answer.status_code == 200, answer.text
    found: Any = answer.json
    return [image["image"].removeprefix("sha256:") for image in found["images"]]


def gone(client: FlaskClient, version: Version, image: str = "") -> None:
    images = [{"identity": version.identity, "image": image or version.image}]
    assert post(client, "collected", images=images).status_code == 204


def test_the_least_recently_used_that_nobody_needs_are_offered(
    web_ports: WebPorts, client: FlaskClient, three: tuple[Account, dict[str, Version]]
) -> None:
    owner, versions = three
    assert offered(client, 11) == ["old", "middle"]
    assert offered(client, 1000) == ["old", "middle", "new"]
    assert offered(client, 11, str(versions["old"].identity)) == ["middle", "new"]

    with web_ports.transactions.begin() as session:
        factories.run(session, owner, versions["old"], state="queued")
        factories.build(session, versions["middle"], owner, state="building")

    assert offered(client, 1000) == ["new"]


def test_a_run_of_a_collected_image_waits_until_it_is_built_again(
    web_ports: WebPorts, client: FlaskClient, three: tuple[Account, dict[str, Version]]
) -> None:
    owner, versions = three
    old = versions["old"]

    gone(client, old)

    assert offered(client, 1000) == ["middle", "new"]
    with web_ports.transactions.begin() as session:
        run = request_run(
            session,
            owner,
            session.get_one(Tool, old.tool_id),
            session.get_one(Version, old.id),
            RunRequest(),
        )
        builds = session.scalars(select(Build.state).where(Build.version_id == old.id)).all()
    assert (run.state, list(builds)) == ("waiting_build", ["queued"])


def test_an_image_that_was_built_again_meanwhile_is_not_taken_for_gone(
    client: FlaskClient, three: tuple[Account, dict[str, Version]]
) -> None:
    gone(client, three[1]["old"], "sha256:an-earlier-one")

    assert offered(client, 1) == ["old"]


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("collect", {"bytes_wanted": 0}),
        ("collect", {"bytes_wanted": "many"}),
        ("collected", {"images": [{"identity": "a b", "image": "x"}]}),
        ("collected", {}),
    ],
)
def test_bodies_of_another_form_are_refused(
    client: FlaskClient, what: str, body: dict[str, Any]
) -> None:
    assert post(client, what, **body).status_code == 422
