"""The original's bugs in the builder's area, each by name; none may come back."""

import hashlib
from pathlib import Path

import pytest

from builder_service import bases, steps
from builder_service import plan as plans
from builder_service.base_recipes import RECIPES
from builder_service.base_recipes.recipe import Recipe
from builder_service.build_log import BuildLog
from builder_service.kept import Keeper
from builder_service.operator_env import Operator
from builder_service.step_runner import Steps
from shared.clock import SystemClock
from shared.containers import Exit, Sandbox
from shared.work import Limits
from shared.written import Written
from tests.builder_service.trees import ARGPARSE, names, plan


def test_repositories_without_a_manifest(tmp_path: Path) -> None:
    """A missing requirements.txt failed the build; now imports say what to install."""
    made = plan(tmp_path, {"tool.py": "import requests\n" + ARGPARSE})

    assert names(made) == ["tool.py"]
    assert made.steps[0].argv[-1] == "requests"


class Engine:
    """Images and containers as far as building steps needs them; counts what is executed."""

    def __init__(self) -> None:
        self.images: dict[str, str] = {"toolyard-base:debian": "sha256:debian"}
        self.ran: list[Sandbox] = []

    def image_id(self, reference: str) -> str | None:
        return self.images.get(reference)

    def create(self, sandbox: Sandbox) -> None:
        self.ran.append(sandbox)

    def start(self, name: str) -> None: ...

    def output(self, name: str):  # type: ignore[no-untyped-def]
        return iter(())

    def wait(self, name: str, seconds: float) -> Exit:
        return Exit(0, False, 0.1)

    def commit(self, name: str, tag: str, *, env: dict[str, str], labels: dict[str, str]) -> str:
        self.images[tag] = "sha256:" + hashlib.sha256(tag.encode()).hexdigest()
        return self.images[tag]

    def tag_image(self, image: str, tag: str) -> None:
        self.images[tag] = image

    def remove_image(self, reference: str) -> None:
        del self.images[reference]

    def remove(self, name: str) -> None: ...

    def written(self, name: str, most: Written) -> Written:
        return Written()


@pytest.fixture
def engine() -> Engine:
    return Engine()


def steps_on(engine: Engine, folder: Path) -> Steps:
    folder.mkdir(exist_ok=True)
    log = BuildLog(folder / "log", 1 << 20)
    return Steps(
        engine, SystemClock(), log, Limits(), Operator(), "b", {}, SystemClock().monotonic() + 60
    )  # type: ignore[arg-type]


def test_a_change_of_our_scripts_rebuilding_every_image(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other text in a recipe's script or another release of this package builds nothing again."""
    made = plan(tmp_path / "r", {"requirements.txt": "rich\n", "tool.py": ARGPARSE})

    def build() -> str:
        runner = steps_on(engine, tmp_path / "log")
        base = bases.ensure(made.base, runner, tmp_path, tmp_path)
        image = steps.build(made, base, tmp_path / "r", Keeper(runner, tmp_path, "")).image
        runner.log.close()
        return image

    first, executed = build(), len(engine.ran)
    recipe = RECIPES["python"]
    packages, script = (*recipe.packages, "git"), recipe.script + "\n# a comment\n"
    edited = Recipe(recipe.parent, packages, script, version=recipe.version)
    monkeypatch.setitem(RECIPES, "python", edited)
    monkeypatch.setattr(bases, "APT", bases.APT + "\n# another comment\n")

    assert (build(), len(engine.ran)) == (first, executed)

    raised = Recipe(recipe.parent, recipe.packages, recipe.script, version=recipe.version + 1)
    monkeypatch.setitem(RECIPES, "python", raised)
    assert build() != first  # only a version raised on purpose does


def test_what_only_copies_the_source_has_no_network(engine: Engine, tmp_path: Path) -> None:
    made = plan(tmp_path / "r", {"requirements.txt": "rich\n", "tool.py": ARGPARSE})
    runner = steps_on(engine, tmp_path / "log")

    steps.build(made, "sha256:base", tmp_path / "r", Keeper(runner, tmp_path, ""))
    runner.log.close()

    assert [(one.argv[-1], one.network.mode) for one in engine.ran] == [
        (made.steps[0].argv[-1], "internet"),
        ("true", "off"),
    ]


def test_an_identity_holds_only_the_version_that_is_raised_by_hand(tmp_path: Path) -> None:
    made = plan(tmp_path, {"tool.py": ARGPARSE})

    found = plans.identity(
        repository="r", commit="c", folder="", plan=made, base="sha256:b", scope=""
    )

    assert plans.BUILDER_VERSION == "1"
    assert found == plans.identity(
        repository="r", commit="c", folder="", plan=made, base="sha256:b", scope=""
    )


def test_no_pull_limit_on_base_images(engine: Engine, tmp_path: Path) -> None:
    """Each build pulled its base image until the registry refused; bases are made once and kept here."""
    for number in range(20):
        runner = steps_on(engine, tmp_path / f"log{number}")
        bases.ensure("node22", runner, tmp_path, tmp_path)
        runner.log.close()

    assert [sandbox.image for sandbox in engine.ran] == [
        "sha256:debian",
        engine.images[next(t for t in engine.images if ":python-" in t)],
    ]
