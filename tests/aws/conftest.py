"""One emulated AWS and one installation on it for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.aws import emulated
from tests.aws.emulated import Installation


@pytest.fixture(scope="session")
def aws_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An emulated AWS with all services and policies enforced."""
    with emulated.started(tmp_path_factory.mktemp("aws")) as url:
        yield url


@pytest.fixture(scope="session")
def installation(aws_url: str) -> Installation:
    """What `stack.yaml` makes; tests leave it as they found it."""
    return emulated.deployed(aws_url)
