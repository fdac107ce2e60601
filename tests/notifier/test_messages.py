"""What the mails say."""

import pytest

from notifier.messages import RunFacts, run_finished


def facts(**changes: object) -> RunFacts:
    whole: dict[str, object] = {
        "run_id": "run_1",
        "tool": "sherlock",
        "command": "sherlock",
        "argv": ["--timeout", "a b"],
        "state": "succeeded",
        "exit_code": 0,
        "signal": None,
        "oom": False,
        "reason": "",
        "seconds": 2.0,
    }
    return RunFacts(**(whole | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "subject"),
    [
        ({}, "sherlock: finished, exit 0"),
        ({"state": "failed", "exit_code": 2}, "sherlock: finished, exit 2"),
        (
            {"state": "failed", "exit_code": None, "signal": 9},
            "sherlock: ended by signal 9 (SIGKILL)",
        ),
        ({"state": "failed", "exit_code": None, "signal": 63}, "sherlock: ended by signal 63"),
        (
            {"state": "failed", "exit_code": 137, "signal": 9, "oom": True},
            "sherlock: ended, out of memory",
        ),
        ({"state": "timed_out", "exit_code": None}, "sherlock: stopped, it took too long"),
        ({"state": "cancelled", "exit_code": None}, "sherlock: cancelled"),
        ({"state": "lost", "exit_code": None}, "sherlock: lost, by no fault of yours"),
        ({"state": "failed", "exit_code": None}, "sherlock: could not be run"),
    ],
)
def test_the_subject_says_how_it_ended(changes: dict[str, object], subject: str) -> None:
    assert run_finished(facts(**changes), "http://yard.test").subject == subject


def test_the_body_has_the_command_the_reason_and_the_link() -> None:
    text = run_finished(facts(reason="Killed 3 workers."), "http://yard.test")
    assert "sherlock --timeout 'a b'" in text.body
    assert "Killed 3 workers." in text.body
    assert "http://yard.test/runs/run_1" in text.body
