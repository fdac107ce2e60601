"""Real tools from the package registries: a Git link in, the tool's own answer out, through the shell."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.git_server import GitServer
from tests.platform import Platform
from tests.real.examples import EXAMPLES, Example
from tests.real.sources import SOURCES, Source, repository

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(900)]

BUILT = [source.name for source in SOURCES]
ALL = "TOOLYARD_REAL_TOOLS"
"""Set it to `all` to try every tool; else those that no other one stands for (`make test-real`)."""
SHORT = frozenset(
    [
        "docutils",
        "autopep8",
        "pyflakes",
        "yamllint",
        "bandit",
        "pygments",
        "cowsay",
        "csvtojson",
        "uglify-js",
        "marked",
        "pnpm-workspace",
        "yarn-classic",
        "yarn-berry",
        "npm-workspace",
        "uv-lock",
        "inline-script",
        "cython-versioneer",
    ]
)
IN_ORDER = sorted(EXAMPLES, key=lambda example: BUILT.index(example.tool))
"""As they are built, so that nobody waits for the last one first."""


@pytest.fixture(scope="module")
def added(
    request: pytest.FixtureRequest,
    platform: Platform,
    git_server: GitServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Future[Any]]]:
    """What `toolyard add` says of every source that a chosen test wants, fetched and built two at a time."""
    own = [item for item in request.session.items if item.nodeid.startswith(request.node.nodeid)]
    calls = [item.callspec for item in own if hasattr(item, "callspec")]
    wanted = {call.params["example"].tool for call in calls if "example" in call.params}
    scratch = tmp_path_factory.mktemp("archives")
    assert platform.token

    def add(source: Source) -> Any:
        repository(source, git_server.root, scratch)
        link = git_server.link(source.name)
        return platform.json("add", link, "--name", source.name, "--wait", "--json", timeout=1200)

    with ThreadPoolExecutor(2) as pool:
        chosen = [source for source in SOURCES if source.name in wanted]
        yield {source.name: pool.submit(add, source) for source in chosen}


def _chosen() -> list[Example]:
    every = os.environ.get(ALL) == "all"
    return [example for example in IN_ORDER if every or example.tool in SHORT]


@pytest.mark.parametrize("example", _chosen(), ids=lambda example: str(example.tool))
def test_a_real_tool_answers(
    example: Example, platform: Platform, added: dict[str, Future[Any]], tmp_path: Path
) -> None:
    tool = added[example.tool].result(timeout=900)
    assert tool["state"] == "ready"
    assert tool["commands"][0]["name"] == example.command

    run, outputs = run_example(platform, example, tmp_path)

    assert run["exit_code"] == example.exit_code
    assert example.stdout in (outputs / "stdout").read_text()
    assert [output["path"] for output in run["outputs"]] == list(example.outputs)
    for name, text in example.outputs.items():
        assert text in (outputs / "files" / name).read_text()


def run_example(platform: Platform, example: Example, folder: Path) -> tuple[Any, Path]:
    """Run it by the shell and download everything that it left."""
    options: list[str] = []
    for name, text in example.files.items():
        (folder / name).write_text(text)
        options += ["--input", str(folder / name)]
    if example.stdin:
        options += ["--stdin", "-"]
    ran = platform.cli(
        "run",
        example.tool,
        *options,
        "--wait",
        "--json",
        "--",
        *example.arguments,
        stdin=example.stdin.encode(),
        check=False,  # some tools report what they found by their exit code
    )
    run = json.loads(ran.stdout)
    outputs = folder / "outputs"
    platform.cli("outputs", run["id"], "--dir", str(outputs))
    return run, outputs
