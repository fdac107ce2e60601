"""A plan ejected as a Dockerfile: what it says, that it is understood, and that it builds the tool."""

import pytest

from builder_service.base_recipes import RECIPES
from builder_service.base_recipes.recipe import USER, Recipe
from builder_service.dockerfile import dockerfile
from builder_service.own_dockerfile.stages import Copy, Run, read
from shared.plan import Command, OwnDockerfile, Plan, Step
from tests.builder_service.conftest import Bench

PLAN = Plan(
    runtime="python",
    base="python",
    system_packages=["jq"],
    steps=[
        Step(
            name="dependencies", argv=["uv", "pip", "install", "-r", "r $x.txt"], files=["r $x.txt"]
        ),
        Step(name="install", argv=["uv", "pip", "install", "."], env={"A": "b c"}),
        Step(name="more", argv=["apt-get", "install", "--known", "git"], as_root=True),
    ],
    commands=[
        Command(name="tool", run=["/opt/venv/bin/tool", "a b"], evidence=""),
        Command(name="other", run=["/opt/venv/bin/other"], evidence=""),
    ],
    env={"GREETING": 'say "$HOME"'},
    evidence=["pyproject.toml\n(hatchling)"],
)


def test_an_ejected_plan_is_understood_again() -> None:
    text = dockerfile(PLAN, RECIPES)

    found = read(text, RECIPES)
    runs = [action.argv for action in found.last.actions if isinstance(action, Run)]
    copies = [action for action in found.last.actions if isinstance(action, Copy)]
    assert text.splitlines()[0] == "# pyproject.toml (hatchling)"
    assert [(c.sources, c.target, c.owner) for c in copies] == [
        (("r $x.txt",), "/app/r $x.txt", "65532:65532"),
        ((".",), "/app/", "65532:65532"),
    ]
    assert ("uv", "pip", "install", "-r", "r $x.txt") in runs
    assert ("env", "A=b c", "uv", "pip", "install", ".") in runs
    assert [argv[-1] for argv in runs if "--known" in argv] == ["git"]
    assert any(argv[-1] == "jq" for argv in runs)
    assert found.last.env["GREETING"] == 'say "$HOME"' and "UV_NO_CACHE" not in found.last.env
    assert found.last.workdir == "/work"
    assert found.last.entrypoint and found.last.entrypoint.array == PLAN.commands[0].run


def test_an_own_dockerfile_is_ejected_as_it_is() -> None:
    own = PLAN.model_copy(update={"dockerfile": OwnDockerfile(path="D", text="FROM debian\n")})

    assert dockerfile(own, RECIPES) == "FROM debian\n"


@pytest.mark.parametrize("base", [name for name in RECIPES if not name.startswith("docker-")])
def test_every_base_can_be_ejected(base: str) -> None:
    text = dockerfile(PLAN.model_copy(update={"base": base}), RECIPES)

    assert "FROM debian:bookworm-slim\n" in text and text.count("\nENTRYPOINT ") == 1


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_ejected_dockerfile_builds_the_tool(bench: Bench) -> None:
    script = '#!/bin/sh\n[ $# = 0 ] && echo usage: tool\ncat "$1" | bc\n'
    plan = Plan(
        runtime="shell",
        base="small",
        commands=[Command(name="tool", run=["sh", "/app/tool"], evidence="")],
        env={"LEVEL": "3"},
    )
    small = {"small": Recipe("debian", ("bc",), USER)}
    files = {"Dockerfile": dockerfile(plan, small), "tool*": script}
    attempt = bench.attempt(bench.repository("ejected", files), runtime="dockerfile")

    report = attempt.live()

    assert report.state == "succeeded" and report.image, attempt.log
    assert report.plan and report.plan.env["LEVEL"] == "3"
