"""A host without room for images: each tool's image goes after its use, and comes back when it is run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.git_server import GitServer, repository_from_files
from tests.platform import Platform, said

SCRIPT = '#!/bin/sh\n[ "$1" = --help ] && echo "usage: shout WORD" && exit\necho "$1!"\n'


def image_of(platform: Platform) -> str:
    """The tools' images of this installation in the engine."""
    label = f"label=toolyard.installation={platform.installation}"
    return said("docker", "images", "--quiet", "--filter", label, "toolyard-build").strip()


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_collected_image_is_built_again_when_its_tool_is_run(
    git_server: GitServer, whole_database: Callable[[], dict[str, Any]], tmp_path: Path
) -> None:
    name = f"shout-{tmp_path.name}"
    repository_from_files(git_server.root, name, {"shout": SCRIPT}, executable=["shout"])
    with Platform(
        tmp_path / "platform",
        allow=(git_server.address,),
        **whole_database(),
        image_disk_percent=0.0001,
        image_check_seconds=1,
    ) as platform:
        tool = platform.json("add", git_server.link(name), "--wait", "--json")
        platform.wait(lambda: not image_of(platform), 60, "the collection")

        run = platform.json("run", tool["tool"], "--wait", "--json", "--", "hello")
        platform.cli("outputs", run["id"], "--dir", str(tmp_path / "out"))
        with platform.http() as http:
            builds = http.get(f"/api/v1/tools/{tool['tool']}/builds").json()["items"]
        platform.wait(lambda: not image_of(platform), 60, "the second collection")

    assert run["state"] == "succeeded"
    assert (tmp_path / "out" / "stdout").read_text() == "hello!\n"
    assert [build["state"] for build in builds] == ["succeeded", "succeeded"]
