"""Results: taken from who holds the job, whole, and kept in the attempt's own place."""

import json
from typing import Any

import pytest

from shared.schema.runs import Run
from shared.schema.tools import Build, Tool, Version
from shared.work import Manifest, RunReport
from tests.web.worker_api.facts import row
from tests.web.worker_client import Worker, build_report
from web import run_results
from web.ports import WebPorts


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
