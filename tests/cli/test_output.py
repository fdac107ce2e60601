"""What strangers wrote is printed as text: a terminal obeys none of it."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from cli import follow
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


def test_a_follower_is_told_each_phase_once_and_of_no_workers_id(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def event(name: str, **data: object) -> SimpleNamespace:
        return SimpleNamespace(name=name, data=json.dumps(data))

    told = [
        event("phase", seq=1, phase="queued", detail=""),
        event("phase", seq=2, phase="leased", detail="3d12:daf6/runner"),
        event("phase", seq=2, phase="leased", detail="3d12:daf6/runner"),
        event("phase", seq=3, phase="failed", detail="It ended with exit code 3."),
        event("end", state="failed"),
    ]
    api: Any = SimpleNamespace(stream=lambda path: told)

    with Phases("run 1") as phases:
        assert follow.to_the_end(api, "/x", phases) == {"state": "failed"}

    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert lines == [
        "run 1: queued",
        "run 1: taken by a worker",
        "run 1: failed It ended with exit code 3.",
    ]
