"""The real engine, once a worker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.containers_docker import DockerContainers
from tests.engine import base_image, opened


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    return base_image(tmp_path_factory.mktemp("base"))


@pytest.fixture
def containers(tmp_path: Path) -> Iterator[DockerContainers]:
    with opened(tmp_path) as found:
        yield found
