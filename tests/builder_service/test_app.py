"""The service around builds: claims, slots, settings, and the plan without a build."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from builder_service import locks, on_build_requested
from builder_service.failures import Cancelled
from builder_service.settings import BuilderSettings
from builder_service.versions import describe, of_tag
from shared.clock import SystemClock
from shared.control import Refused, Unavailable
from shared.errors import Reject, Retry
from shared.events import BuildRequested
from shared.place import take_place
from shared.slots import Slots
from shared.work import BuildAssignment
from tests.builder_service.recorded_control import RecordedControl
from tests.builder_service.trees import ARGPARSE, tree

EVENT = BuildRequested(event_id="evt_1", at=0, build_id="bld_1")


def assignment() -> BuildAssignment:
    return BuildAssignment(
        id="bld_1", fence=1, attempt="a", token="t", lease_seconds=45, heartbeat_seconds=10,
        account="acc_1", link="https://github.com/a/b",
    )  # fmt: skip


def test_a_claimed_build_begins_in_a_slot_and_the_message_ends() -> None:
    control, slots, begun = RecordedControl(), Slots(1), []
    control.waiting["bld_1"] = assignment()

    on_build_requested.handle(EVENT, control=control, slots=slots, begin=begun.append)  # type: ignore[arg-type]

    assert [build.id for build in begun] == ["bld_1"]
    assert slots.free() == 0


def test_nothing_to_claim_gives_the_slot_back() -> None:
    slots = Slots(1)

    on_build_requested.handle(EVENT, control=RecordedControl(), slots=slots, begin=pytest.fail)  # type: ignore[arg-type]

    assert slots.free() == 1


def test_without_a_free_slot_the_message_comes_again() -> None:
    control, slots = RecordedControl(), Slots(1)
    control.waiting["bld_1"] = assignment()
    slots.take()

    with pytest.raises(Retry):
        on_build_requested.handle(EVENT, control=control, slots=slots, begin=pytest.fail)  # type: ignore[arg-type]
    assert "bld_1" in control.waiting


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (Unavailable("away"), Retry),
        (Refused(403, "no", "no"), Retry),
        (Refused(400, "no", "no"), Reject),
        (RuntimeError("x"), RuntimeError),
    ],
)
def test_a_claim_that_fails_gives_the_slot_back(error: Exception, answer: type[Exception]) -> None:
    class Failing(RecordedControl):
        def claim(self, kind: object, job_id: str) -> BuildAssignment | None:
            raise error

    slots = Slots(1)
    with pytest.raises(answer):
        on_build_requested.handle(EVENT, control=Failing(), slots=slots, begin=pytest.fail)  # type: ignore[arg-type]
    assert slots.free() == 1


def test_a_successor_takes_the_place_of_the_dead_and_a_neighbour_another(tmp_path: Path) -> None:
    first = take_place(tmp_path)
    second = take_place(tmp_path)
    assert (first.number, second.number) == (0, 1)
    first.leave()
    third = take_place(tmp_path)
    assert third.number == 0
    third.leave()
    second.leave()


def test_a_lock_is_waited_for_and_the_wait_can_be_ended(tmp_path: Path) -> None:
    clock = SystemClock()

    def ended() -> None:
        raise Cancelled

    with locks.held(tmp_path, "x", clock, ended) as waited:
        assert waited is False
        with pytest.raises(Cancelled), locks.held(tmp_path, "x", clock, ended):
            pytest.fail("two hold the lock")
    with locks.held(tmp_path, "x", clock, ended):
        pass


def test_settings_refuse_to_allow_the_metadata_service() -> None:
    assert BuilderSettings.read({"TOOLYARD_BUILD_ALLOW": "git.lan:80"}).allowed == {"git.lan:80"}
    with pytest.raises(ValidationError, match="metadata"):
        BuilderSettings.read({"TOOLYARD_BUILD_ALLOW": "169.254.169.254:80"})
    with pytest.raises(ValidationError, match="port"):
        BuilderSettings.read({"TOOLYARD_BUILD_ALLOW": "git.lan"})


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("v1.2.3", "1.2.3"),
        ("1.2", "1.2"),
        ("release-1.4", "1.4"),
        ("tool/v2.0rc1", "2.0rc1"),
        ("latest", None),
        ("tool-3.1.0", "3.1.0"),
    ],
)
def test_versions_of_tags(tag: str, version: str | None) -> None:
    found = of_tag(tag)

    assert (str(found) if found else None) == version


def test_versions_between_tags_count_on() -> None:
    assert describe(of_tag("v1.4"), 0, "abcdef012") == "1.4"
    assert describe(of_tag("v1.4"), 3, "abcdef012") == "1.5.dev3+gabcdef0"
    assert describe(of_tag("v2.0rc1"), 2, "abcdef012") == "2.0rc2.dev2+gabcdef0"
    assert describe(None, None, "abcdef012") == "0.1.dev0+gabcdef0"


def preview(*arguments: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "builder_service.preview", *arguments]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("TOOLYARD_")}
    root = Path(__file__).parents[2]
    return subprocess.run(argv, cwd=root, env=environ, capture_output=True, text=True, check=False)


def test_the_plan_can_be_seen_without_a_build(tmp_path: Path) -> None:
    tree(tmp_path, {"tool.py": ARGPARSE})

    shown = preview(str(tmp_path), "--json")

    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["plan"]["commands"][0]["name"] == "tool.py"


def test_the_plan_is_told_in_lines_that_a_person_can_read(tmp_path: Path) -> None:
    tree(tmp_path, {"tool.py": "import requests\n" + ARGPARSE})

    lines = preview(str(tmp_path)).stdout.splitlines()

    told = [line.split(maxsplit=1) for line in lines]
    assert told[0] == ["runtime", "python 3.11"]
    assert [words[0] for words in told[1:4]] == ["step", "network", "command"]
    assert told[1][1].startswith("dependencies: ") and told[1][1].endswith(" requests")


def test_names_of_a_strangers_files_move_no_cursor(tmp_path: Path) -> None:
    folders = [tmp_path / "tool", tmp_path / "none"]
    tree(folders[0], {"\x1b[2Jtool.py": ARGPARSE})
    tree(folders[1], {"\x1b[2Jnotes.txt": "nothing"})

    for said in map(preview, map(str, folders)):
        assert "[2J" in said.stdout + said.stderr
        assert "\x1b" not in said.stdout + said.stderr


def test_a_plan_that_cannot_be_made_is_a_sentence() -> None:
    refused = preview("https://127.0.0.1/x", "--json")

    assert refused.returncode == 1
    assert "Only public Git hosts" in refused.stderr
    assert json.loads(refused.stdout)["plan"] is None
