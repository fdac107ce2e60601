"""Load shapes stay within their bounds, and do what their names say."""

import pytest

from load_tests.__main__ import main
from load_tests.shapes import MOST_USERS, SHAPES, users


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_a_shape_ends_and_never_exceeds_what_was_asked(name: str) -> None:
    counts = [users(name, float(second), 100, 40) for second in range(100)]

    assert all(count is not None and 0 <= count <= 40 for count in counts)
    assert users(name, 100, 100, 40) is None
    assert max(users(name, float(s), 100, 10**6) or 0 for s in range(100)) <= MOST_USERS


def test_no_shape_lasts_for_ever() -> None:
    assert users("soak", 3601, 10**9, 1) is None


def test_locusts_then_silence() -> None:
    assert [users("locusts", second, 100, 40) for second in (0, 49, 51, 99)] == [40, 40, 0, 0]


def test_a_spike_comes_from_nearly_nothing() -> None:
    assert [users("spike", second, 100, 40) for second in (5, 11, 49, 51)] == [1, 40, 40, 1]


def test_runners_that_never_scale_are_refused_before_anything_starts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for text, why in (("2", "give a range such as 0..4"), ("four", "neither a number nor a range")):
        with pytest.raises(SystemExit):
            main(["--runners", text])
        assert why in capsys.readouterr().err
