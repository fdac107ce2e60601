"""What people type is checked before anything is sent."""

from pathlib import Path

import pytest

from cli import wishes
from cli.failures import Failure


@pytest.mark.parametrize(
    ("text", "expected"),
    [("cowsay", ("cowsay", None)), ("cowsay@2", ("cowsay", 2)), ("cowsay@v2", ("cowsay", 2))],
)
def test_a_tool_may_carry_its_version(text: str, expected: tuple[str, int | None]) -> None:
    assert wishes.tool_and_version(text) == expected


@pytest.mark.parametrize("text", ["cowsay@", "cowsay@new", "@2"])
def test_a_version_is_a_number(text: str) -> None:
    with pytest.raises(Failure, match="NAME@3"):
        wishes.tool_and_version(text)


def test_two_inputs_of_one_name_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    one, two = tmp_path / "x.csv", tmp_path / "a" / "x.csv"
    one.touch()
    two.touch()

    with pytest.raises(Failure, match=r"two inputs are called 'x\.csv'"):
        wishes.inputs([one, two])


def test_a_missing_input_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="there is no file"):
        wishes.inputs([tmp_path / "absent"])


def test_an_environment_needs_names_and_keeps_equals_signs() -> None:
    assert wishes.environment(["A=b=c", "B="]) == {"A": "b=c", "B": ""}
    with pytest.raises(Failure, match="NAME=VALUE"):
        wishes.environment(["A"])


def test_a_network_is_off_internet_or_hosts() -> None:
    assert wishes.network("off") == {"mode": "off"}
    assert wishes.network("a.org, b.org:8443") == {
        "mode": "hosts",
        "hosts": ["a.org", "b.org:8443"],
    }
    with pytest.raises(Failure):
        wishes.network(",")
