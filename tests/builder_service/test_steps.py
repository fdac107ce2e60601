"""A plan's steps as containers that are kept, and the trials of what they make, on an engine that runs nothing."""

from pathlib import Path

from builder_service import steps
from builder_service.kept import Keeper
from builder_service.trial import trial
from tests.builder_service.fake_engine import Engine, steps_on
from tests.builder_service.trees import ARGPARSE, plan


def test_what_only_copies_the_source_has_no_network(tmp_path: Path) -> None:
    engine = Engine()
    made = plan(tmp_path / "r", {"requirements.txt": "rich\n", "tool.py": ARGPARSE})
    runner = steps_on(engine, tmp_path / "log")

    steps.build(made, "sha256:base", tmp_path / "r", Keeper(runner, tmp_path, ""))
    runner.log.close()

    assert [(one.argv[-1], one.network.mode) for one in engine.ran] == [
        (made.steps[0].argv[-1], "internet"),
        ("true", "off"),
    ]


def test_a_finished_image_is_one_installations_own(tmp_path: Path) -> None:
    """Installations on one engine share kept steps; each takes away its own tools' images."""
    made = plan(tmp_path / "r", {"tool.py": ARGPARSE})
    runner = steps_on(Engine(), tmp_path / "log")
    keeper = Keeper(runner, tmp_path, "")

    one, again, other = (
        steps.finished("sha256:built", made, keeper, name) for name in ("one", "one", "other")
    )
    runner.log.close()

    assert one == again != other


def test_a_step_and_a_trial_lose_no_first_line(tmp_path: Path) -> None:
    runner = steps_on(Engine(), tmp_path / "log")

    runner.run("a step", "sha256:base", ["true"])
    said = trial("sha256:built", ["true"], runner)
    runner.log.close()

    assert "first line\n" in (tmp_path / "log/log").read_text()
    assert said.out == b"first line\n"
