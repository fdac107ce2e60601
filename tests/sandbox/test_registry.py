"""An image of a registry becomes one of ours; a registry that does not give it says why."""

import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cli.servers import free_port
from shared.containers import RegistryUnavailable
from tests.engine import base_image, opened

pytestmark = pytest.mark.docker


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """`host:port` of a real registry with a store of its own."""
    address = f"127.0.0.1:{free_port()}"
    config = tmp_path / "registry.yml"
    config.write_text(
        f"version: 0.1\nlog: {{level: error}}\n"
        f"storage: {{filesystem: {{rootdirectory: {tmp_path}/store}}}}\n"
        f"http: {{addr: '{address}'}}\n"
    )
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(config)], stdout=log, stderr=log
        )
        try:
            for _ in range(100):
                try:
                    httpx.get(f"http://{address}/v2/")
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            yield address
        finally:
            process.terminate()
            process.wait(10)


def docker(*arguments: str) -> None:
    subprocess.run(["docker", *arguments], check=True, capture_output=True)


def test_an_image_is_pulled_under_our_own_tag(registry: str, tmp_path: Path) -> None:
    base = base_image(tmp_path / "base")
    reference = f"{registry}/debian:bookworm-slim"
    tag = f"toolyard-test-pulled:{secrets.token_hex(4)}"
    docker("tag", base, reference)
    try:
        docker("push", "--quiet", reference)
        docker("rmi", reference)
        with opened(tmp_path / "data") as containers:
            assert containers.pull_image(reference, tag) == base
            assert containers.image_id(tag) == base

            with pytest.raises(RegistryUnavailable, match="none"):
                containers.pull_image(f"{registry}/debian:none", tag)
    finally:
        for name in (reference, tag):
            subprocess.run(["docker", "rmi", name], check=False, capture_output=True)


def test_a_registry_that_is_not_there_says_so(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as containers, pytest.raises(RegistryUnavailable):
        containers.pull_image(f"127.0.0.1:{free_port()}/debian:bookworm-slim", "toolyard-test:x")
