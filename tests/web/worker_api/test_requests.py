"""The form of requests."""

import pytest
from flask.testing import FlaskClient

from shared.schema.runs import Run
from shared.schema.tools import Build, Tool, Version
from tests.web.worker_api.facts import row
from tests.web.worker_client import Worker, build_report
from web.ports import WebPorts


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
