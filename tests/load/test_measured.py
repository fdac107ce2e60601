"""What is read from a load test's log: who was ready when, who went, and whether one left a run behind."""

from load_tests.measured import _log

READY = "runner2  | 2026-01-01T00:00:05.000000Z [info     ] runner_ready   service=runner slots=2"
RETIRED = "runner2  | 2026-01-01T00:00:09.000000Z [info     ] runner_retired  runs=0 service=runner"
LEFT = "runner2  | 2026-01-01T00:00:09.000000Z [info     ] runs_left_for_successor runs=['run_1']"
GONE = "up       | runner2 has gone: fewer are enough"
START = 1767225600.0


def read(*lines: str) -> tuple[list[float], int, int]:
    return _log("\n".join(lines), START)


def test_one_that_went_idle() -> None:
    assert read(READY, RETIRED, GONE) == ([5.0], 1, 0)


def test_one_that_left_its_run_is_told() -> None:
    assert read(READY, LEFT, GONE) == ([5.0], 1, 1)
    assert read(READY, RETIRED.replace("runs=0", "runs=1"), GONE) == ([5.0], 1, 1)


def test_one_that_was_never_ready_had_nothing() -> None:
    assert read(GONE) == ([], 1, 0)


def test_each_process_of_a_name_counts_for_itself() -> None:
    assert read(READY, RETIRED, GONE, READY, LEFT, GONE) == ([5.0, 5.0], 2, 1)
