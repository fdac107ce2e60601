"""The whole platform with a registry: pushed by the builder, pulled by a runner that has not the image, rebuilt when lost."""

import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from shared.db import Transactions
from shared.schema.runs import JobEvent
from shared.settings import Settings
from tests.git_server import GitServer, repository_from_files
from tests.platform import Platform, said
from tests.registry import Registry

SCRIPT = '#!/bin/sh\n[ "$1" = --help ] && echo "usage: shout WORD" && exit\necho "$1!"\n'


def forget_images(platform: Platform, repository: str) -> None:
    """What a runner's host of its own would not have."""
    label = f"label=toolyard.installation={platform.installation}"
    listed = said("docker", "images", "--filter", label, "--format", "{{.Repository}}:{{.Tag}}")
    # a tool's image may be that of its last step
    ours = ("toolyard-build:", "toolyard-step:", repository)
    names = [n for n in listed.split() if n.startswith(ours)]
    digests = said("docker", "images", "--digests", "--format", "{{.Repository}}@{{.Digest}}")
    names += [n for n in digests.split() if n.startswith(repository) and "<none>" not in n]
    for name in names:
        subprocess.run(["docker", "rmi", name], check=False, capture_output=True)


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_image_travels_through_the_registry(
    git_server: GitServer, whole_database: Callable[[], dict[str, Any]], tmp_path: Path
) -> None:
    name = f"shout-{tmp_path.name}"
    repository_from_files(git_server.root, name, {"shout": SCRIPT}, executable=["shout"])
    with Registry(tmp_path / "registry") as registry:
        secrets = tmp_path / "platform" / "data" / "secrets"
        secrets.mkdir(parents=True, mode=0o700)
        (secrets / "registry-key").touch(mode=0o600)
        (secrets / "registry-key").write_text(registry.key)
        with Platform(
            tmp_path / "platform",
            allow=(git_server.address,),
            images_url=f"registry://{registry.place}",
            **whole_database(),
        ) as platform:
            tool = platform.json("add", git_server.link(name), "--wait", "--json")
            image = tool["image"]
            assert image.startswith(f"{registry.place}/tool-")
            assert "@sha256:" in image

            def run(word: str) -> str:
                forget_images(platform, registry.place)
                made = platform.json("run", tool["tool"], "--wait", "--json", "--", word)
                assert made["state"] == "succeeded", made
                out = tmp_path / word
                platform.cli("outputs", made["id"], "--dir", str(out))
                assert (out / "stdout").read_text() == f"{word}!\n"
                return str(made["id"])

            pulled = run("pulled")
            url = Settings.read(platform.environ).database_url
            with closing(Transactions(url)) as database, database.read() as session:
                told = session.scalars(select(JobEvent.detail).where(JobEvent.job_id == pulled))
                assert "pulling the image" in told.all()
            assert b"image_pulled" in platform.log.read_bytes()

            registry.lose()
            run("rebuilt")
            with platform.http() as http:
                builds = http.get(f"/api/v1/tools/{tool['tool']}/builds").json()["items"]
            assert [build["state"] for build in builds] == ["succeeded", "succeeded"]
            log = platform.log.read_bytes()
            forget_images(platform, registry.place)
        assert b"image gone" in log
        assert registry.key.splitlines()[1].encode() not in log
        assert b"eyJ0eXAi" not in log, "a token is in the log"
