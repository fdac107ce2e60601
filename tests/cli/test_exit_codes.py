"""Scripts can tell a tool's failure from ours by the exit code."""

import pytest

from cli.exit_codes import of_run


@pytest.mark.parametrize(
    ("state", "exit_code", "signal", "expected"),
    [
        ("succeeded", 0, None, 0),
        ("failed", 1, None, 1),
        ("failed", 123, None, 123),
        ("failed", 124, None, 125),
        ("failed", 200, None, 125),
        ("failed", None, 9, 137),
        ("failed", None, None, 125),
        ("timed_out", None, 9, 124),
        ("cancelled", None, 15, 143),
        ("cancelled", 0, None, 125),
        ("cancelled", None, None, 125),
        ("lost", None, None, 125),
    ],
)
def test_the_exit_code_of_a_run(
    state: str, exit_code: int | None, signal: int | None, expected: int
) -> None:
    assert of_run(state, exit_code, signal) == expected
