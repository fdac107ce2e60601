"""The real engine, once a module, and images in ECR."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from shared.containers_docker import DockerContainers
from shared.ids import new_id
from tests.contracts.ecr import Session, image_role
from tests.engine import Runner, base_image, opened


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    return base_image(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def containers(data: Path) -> Iterator[DockerContainers]:
    with opened(data) as found:
        yield found


@pytest.fixture
def runner(containers: DockerContainers, image: str) -> Iterator[Runner]:
    runner = Runner(containers, image)
    yield runner
    runner.remove_all()


@pytest.fixture
def ecr(ministack: str) -> Session:
    prefix = new_id("t").replace("_", "-")
    return Session(prefix, image_role(prefix), host=urlsplit(ministack).netloc)
