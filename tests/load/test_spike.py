"""A short spike on a real platform: workers in time, none ended while busy, no run lost; and the simulator agrees."""

import pytest

from load_tests.autoscaling import Load, run
from load_tests.calibration import Calibration, calibrate
from load_tests.measured import Measured
from load_tests.report import report

LOAD = Load("spike", users=20, seconds=16, hold=8)
PERIODS = 2
CALIBRATED = 0.15

pytestmark = [pytest.mark.docker, pytest.mark.slow]


@pytest.fixture(scope="module")
def found() -> Measured:
    return run(LOAD)


@pytest.fixture(scope="module")
def calibration(found: Measured) -> Calibration:
    return calibrate(LOAD, found)


def test_there_was_load(found: Measured) -> None:
    most, _, _ = found.needed()

    assert most >= 3, "the spike asked for several runners"
    assert len(found.runs) >= 8
    assert {request.name.split(":")[0] for request in found.requests} == {"page", "api"}
    assert max(request.users for request in found.requests) == LOAD.users
    assert sum(not request.good for request in found.requests) == 0


def test_the_needed_workers_are_there_within_two_evaluations(found: Measured) -> None:
    _, wanted, there = found.needed()

    assert there - wanted <= PERIODS, found.samples["runner"]


def test_the_wanted_number_turns_round_once_at_most(found: Measured) -> None:
    assert found.changes_of_direction("runner") <= 1, found.samples["runner"]


def test_no_busy_worker_was_ended_and_no_run_lost(found: Measured) -> None:
    assert found.left_busy == 0
    assert found.lost == 0, [one for one in found.runs if one.state != "succeeded"]
    assert found.samples["runner"][-1].running == 0, "all went in the end"
    assert found.retired >= 3, "and they were asked, not killed"


def test_the_simulator_agrees_with_what_was_measured(calibration: Calibration) -> None:
    off = abs(calibration.simulated_wait - calibration.measured_wait)

    assert calibration.error <= CALIBRATED
    assert off <= CALIBRATED * calibration.measured_completion


def test_the_report_explains_the_four_and_needs_no_other_file(
    found: Measured, calibration: Calibration
) -> None:
    html = report(LOAD, found, calibration)

    for title in ("Web out", "Web in", "Worker out", "Worker in"):
        section = html.partition(f"<h2>{title}</h2>")[2].partition("<h2>")[0]
        assert "<p>" in section
    for title in ("Worker out", "Worker in"):
        section = html.partition(f"<h2>{title}</h2>")[2].partition("<h2>")[0]
        assert section.count('class="mark"') == section.count("<svg") >= 2
    for plot in (
        "Users",
        "Requests a second",
        "Time to answer",
        "Runners",
        "Web processes",
        "Backlog",
        "Time in queue",
    ):
        assert f"<figcaption>{plot}" in html
    assert "src=" not in html and "href=" not in html and "url(" not in html
