"""A look at a repository: its plan under a lease, its ends, and that it does not wait behind builds."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builder_service import on_preview_requested
from builder_service.fetch import Source
from builder_service.one_preview import OnePreview
from builder_service.previewer import Previewer
from builder_service.workshop import Workshop
from shared.bus_open import open_bus
from shared.clock import SystemClock
from shared.errors import Retry
from shared.events import PreviewRequested
from shared.slots import Slots
from shared.work import PreviewAssignment
from tests.builder_service.recorded_control import RecordedControl
from tests.builder_service.trees import ARGPARSE, tree
from tests.git_server import GitServer, repository_from_files

EVENT = PreviewRequested(event_id="evt_1", at=0, preview_id="prv_1")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with GitServer(tmp_path_factory.mktemp("git")) as serving:
        repository_from_files(
            serving.root,
            "tool",
            {"tool.py": ARGPARSE, "README.md": "# Tool\n\nCounts the words of a text.\n"},
        )
        repository_from_files(serving.root, "notes", {"README.md": "nothing"})
        yield serving


def assignment(link: str, **wishes: object) -> PreviewAssignment:
    return PreviewAssignment.model_validate(
        {
            "id": "prv_1", "fence": 1, "attempt": "a", "token": "t", "lease_seconds": 45,
            "heartbeat_seconds": 0.1, "account": "acc_1", "link": link, **wishes,
        }
    )  # fmt: skip


Look = Callable[..., tuple[RecordedControl, OnePreview]]


@pytest.fixture
def look(server: GitServer, tmp_path: Path) -> Look:
    def make(
        name: str, *, link: str = "", control: RecordedControl | None = None, **wishes: object
    ) -> tuple[RecordedControl, OnePreview]:
        control = control or RecordedControl()
        preview = OnePreview(
            assignment(link or server.link(name), **wishes),
            control,  # type: ignore[arg-type]
            Source(allowed={server.address}),
            tmp_path / "look",
            SystemClock(),
        )
        return control, preview

    return make


def test_a_look_ends_with_the_plan_and_leaves_nothing(look: Look, tmp_path: Path) -> None:
    control, preview = look("tool")

    preview.live()

    report = control.reports[0]
    assert control.phases == ["cloning", "detecting"]
    assert (report.state, report.reason) == ("succeeded", "")
    assert report.plan and [c.name for c in report.plan.commands] == ["tool.py"]
    assert report.commit and len(report.commit) == 40
    assert report.description == "Counts the words of a text."
    assert not (tmp_path / "look").exists()


def test_only_the_newest_commit_is_asked_for_without_a_clone(look: Look) -> None:
    whole, preview = look("tool")
    preview.live()
    control, preview = look("tool", commit_only=True)

    preview.live()

    assert control.reports[0].commit == whole.reports[0].commit
    assert control.reports[0].plan is None and control.phases == ["cloning"]


@pytest.mark.parametrize(
    ("name", "wishes", "sentence"),
    [
        ("notes", {}, "No command was found in this repository"),
        ("absent", {}, "repository was not found"),
        ("tool", {"ref": "nope"}, "no branch, tag or commit named nope"),
        ("tool", {"folder": "nope"}, "no folder nope"),
        ("tool", {"command": "nope.py"}, "no command nope.py"),
        ("tool", {"overrides": "x: 1"}, "toolyard.yaml line 1: x is not known"),
        ("tool", {"link": "https://127.0.0.1/a/b"}, "Only public Git hosts"),
    ],
)
def test_a_look_in_vain_ends_with_one_sentence(
    look: Look, name: str, wishes: dict[str, str], sentence: str
) -> None:
    control, preview = look(name, **wishes)

    preview.live()

    assert control.reports[0].state == "failed"
    assert sentence in control.reports[0].reason


def test_a_cancelled_look_ends_as_cancelled_and_a_lost_one_reports_nothing(look: Look) -> None:
    control, preview = look("tool")
    preview.direct("cancel")
    preview.live()
    assert [report.state for report in control.reports] == ["cancelled"]

    control, preview = look("tool")
    preview.direct("lost")
    preview.live()
    assert control.reports == [] and control.releases == []


def test_a_stopping_builder_hands_a_look_back_at_no_cost(look: Look) -> None:
    control, preview = look("tool")
    preview.hand_back()

    preview.live()

    assert [(one.costs_attempt, one.reason) for one in control.releases] == [
        (False, "the builder is stopping")
    ]


def test_a_look_has_a_deadline(look: Look) -> None:
    class Slow(RecordedControl):
        def phase(self, *args: object, **kwargs: object) -> None:
            time.sleep(0.3)

    control, preview = look("tool", control=Slow(), wall_seconds=0.05)

    preview.live()

    assert control.reports[0].state == "timed_out"
    assert "Build it without looking first" in control.reports[0].reason


def test_without_a_free_slot_the_message_comes_again(server: GitServer) -> None:
    slots = Slots(1)
    slots.take()

    with pytest.raises(Retry):
        on_preview_requested.handle(
            EVENT,
            control=RecordedControl(),  # type: ignore[arg-type]
            slots=slots,
            begin=pytest.fail,
        )


def test_a_builder_looks_while_it_builds(server: GitServer, tmp_path: Path) -> None:
    """The queue, slots and thread of previews are their own: nobody else's work is waited for."""
    bus = open_bus(f"sqlite:///{tmp_path}/bus.db", tmp_path)
    control = RecordedControl()
    control.waiting["prv_1"] = assignment(server.link("tool"))  # type: ignore[assignment]
    workshop = Workshop(
        control=control,  # type: ignore[arg-type]
        containers=None,  # type: ignore[arg-type]  # a look needs no engine
        data=tmp_path,
        state=tmp_path,
        place=tmp_path / "place",
        source=Source(allowed={server.address}),
    )
    previewer = Previewer(workshop, bus, 1)
    previewer.begin()
    try:
        bus.publish(EVENT)
        assert control.ended.wait(30)
    finally:
        previewer.close()
        bus.close()
    assert control.reports[0].plan is not None
    assert [one.name for one in threading.enumerate() if one.name == "previews"] == []


def shown(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cli", "plan", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )


def test_the_shell_shows_a_plan_with_wishes_and_as_text(tmp_path: Path) -> None:
    tree(tmp_path / "tool", {"tool.py": ARGPARSE})
    wishes = tmp_path / "wishes.yaml"
    wishes.write_text("start: repository\n")

    plan = shown(str(tmp_path / "tool"), "--json", "--plan", str(wishes))
    text = shown(str(tmp_path / "tool"), "--yaml")
    ejected = shown(str(tmp_path / "tool"), "--dockerfile")
    (tmp_path / "tool" / "toolyard.yaml").write_text("steps: make\n")
    refused = shown(str(tmp_path / "tool"))

    assert json.loads(plan.stdout)["plan"]["start"] == "repository", plan.stderr
    assert "runtime: python\n" in text.stdout and "- name: tool.py\n" in text.stdout
    assert "\nFROM " in ejected.stdout and '"/app/tool.py"]' in ejected.stdout, ejected.stderr
    assert refused.returncode == 1
    assert refused.stderr.startswith("toolyard.yaml line 1: steps must be a list of steps")
