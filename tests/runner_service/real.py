"""A worker on the real engine, with an installation of its own that leaves nothing behind."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner_service.one_run import Patience
from shared import debian_base
from shared.containers_docker import DockerContainers
from shared.control import Control
from shared.egress import Egress
from shared.quota import Quotas
from tests.runner_service.fake_web import FakeWeb
from tests.runner_service.worker import Worker

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


@contextmanager
def real_worker(web: FakeWeb, control: Control, folder: Path) -> Iterator[Worker]:
    installation = "".join(secrets.choice(_LETTERS) for _ in range(4))
    egress = Egress(installation, "run")
    containers = DockerContainers(installation, files=folder / "containers", rules={"run": egress})
    work = Quotas(folder / "work")
    patience = Patience(silence=60, stop_grace=2, engine=30)
    worker = Worker(web, containers, folder, work, control, patience, own_files=True)
    try:
        yield worker
    finally:
        for status in containers.list({}):
            containers.remove(status.name)
        for name in work.names():
            work.remove(name)
        egress.drop()
        containers.close()


def base_image(folder: Path) -> str:
    """The Debian base: shell, coreutils and Perl; made when it is missing."""
    containers = DockerContainers("test", files=folder, rules={})
    try:
        return debian_base.ensure(containers, folder)
    finally:
        containers.close()
