"""The original's bugs in the builder's area, each by name; none may come back."""

from pathlib import Path

import pytest

from builder_service import bases, steps
from builder_service import plan as plans
from builder_service.base_recipes import RECIPES
from builder_service.base_recipes.recipe import Recipe
from builder_service.kept import Keeper
from tests.builder_service.fake_engine import Engine, steps_on
from tests.builder_service.trees import ARGPARSE, names, plan


def test_repositories_without_a_manifest(tmp_path: Path) -> None:
    """A missing requirements.txt failed the build; now imports say what to install."""
    made = plan(tmp_path, {"tool.py": "import requests\n" + ARGPARSE})

    assert names(made) == ["tool.py"]
    assert made.steps[0].argv[-1] == "requests"


def test_a_change_of_our_scripts_rebuilding_every_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other text in a recipe's script or another release of this package builds nothing again."""
    engine = Engine()
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


def test_an_identity_holds_only_the_version_that_is_raised_by_hand(tmp_path: Path) -> None:
    made = plan(tmp_path, {"tool.py": ARGPARSE})

    found = plans.identity(
        repository="r", commit="c", folder="", plan=made, base="sha256:b", scope=""
    )

    assert plans.BUILDER_VERSION == "1"
    assert found == plans.identity(
        repository="r", commit="c", folder="", plan=made, base="sha256:b", scope=""
    )


def test_no_pull_limit_on_base_images(tmp_path: Path) -> None:
    """Each build pulled its base image until the registry refused; bases are made once and kept here."""
    engine = Engine()
    for number in range(20):
        runner = steps_on(engine, tmp_path / f"log{number}")
        bases.ensure("node22", runner, tmp_path, tmp_path)
        runner.log.close()

    assert [sandbox.image for sandbox in engine.ran] == [
        "sha256:debian",
        engine.images[next(t for t in engine.images if ":python-" in t)],
    ]
