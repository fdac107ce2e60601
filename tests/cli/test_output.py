"""What strangers wrote is printed as text: a terminal obeys none of it."""

import json

import pytest

from cli.failures import Failure
from cli.output import Phases, message, print_json, table

HOSTILE = "good\x1b]0;title\x07\x1b[2J\r\x9b31m\u202egnp.exe\x00"


def silent(text: str) -> bool:
    return not any(c in text for c in "\x1b\x07\r\x9b\u202e\x00\x7f")


def test_tables_messages_failures_and_phases_hold_no_controls(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table([{"name": "wc", "description": f"{HOSTILE}\nwc2  ready"}], ["name", "description"])
    message(HOSTILE)
    Failure(HOSTILE).show()
    with Phases("building") as phases:
        phases.show(HOSTILE)
    out, err = capsys.readouterr()

    assert silent(out) and silent(err)
    assert len(out.splitlines()) == 2, "a description makes no row of its own"
    assert "good" in out and err.count("good") == 3


def test_json_says_the_same_and_holds_no_controls(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"description": HOSTILE, "name": "grün"})
    out = capsys.readouterr().out

    assert silent(out) and "grün" in out
    assert json.loads(out)["description"] == HOSTILE
