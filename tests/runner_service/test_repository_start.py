"""Runs that start in a writable copy of their tool's repository, on the real engine."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.containers import Sandbox
from shared.containers_docker import DockerContainers
from shared.control import Control
from shared.work import Limits
from tests.runner_service.fake_web import FakeWeb, WebRun
from tests.runner_service.real import base_image, real_worker
from tests.runner_service.worker import Worker

pytestmark = pytest.mark.docker
_MIB = 1 << 20
LIMITS = Limits(
    memory_bytes=64 * _MIB, pids=32, wall_seconds=30, disk_bytes=8 * _MIB, output_files=100
)
_REPOSITORY = """
install -d -o 65532 -g 65532 /app /app/data /app/node_modules
cd /app
echo one > data/words.txt; echo same > same.txt; echo old > given.txt; head -c 3000000 /dev/urandom > data/big; cp data/big node_modules/big
ln -s data/words.txt link; ln -s nowhere broken
chown -R 65532:65532 /app
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    base = base_image(tmp_path_factory.mktemp("base"))
    containers = DockerContainers("test", files=tmp_path_factory.mktemp("files"), rules={})
    name = f"repository-{secrets.token_hex(6)}"
    making = Sandbox(
        name, base, ["sh", "-ec", _REPOSITORY], "build", LIMITS, as_root=True, read_only=False
    )
    try:
        containers.create(making)
        containers.start(name)
        ended = containers.wait(name, 60)
        assert ended is not None and ended.exit_code == 0
        made = containers.commit(name, f"toolyard-test:{name}", env={}, labels={})
        yield made
        containers.remove(name)
        containers.remove_image(f"toolyard-test:{name}")
    finally:
        containers.remove(name)
        containers.close()


@pytest.fixture
def real(web: FakeWeb, control: Control, tmp_path: Path) -> Iterator[Worker]:
    with real_worker(web, control, tmp_path) as worker:
        yield worker
        assert worker.left_over() == []
        assert worker.work.names() == []  # type: ignore[attr-defined]


def sh(real: Worker, image: str, text: str, **more: object) -> WebRun:
    values = {"limits": LIMITS, "start": "repository", **more}
    return real.run(real.web.request(["/bin/sh", "-c", text], image=image, **values))


def printed(run: WebRun) -> str:
    return run.logs["stdout"].decode()


def outputs(run: WebRun) -> list[str]:
    assert run.report is not None and run.report.manifest is not None, run.report
    return [file.path for file in run.report.manifest.outputs]


def test_it_reads_the_repository_and_only_changes_are_outputs(real: Worker, image: str) -> None:
    run = sh(
        real,
        image,
        "cat data/words.txt link; ls; echo new > made.txt; echo two >> data/words.txt; touch same.txt; rm given.txt",
    )

    assert run.report is not None and run.report.exit_code == 0, run
    assert printed(run).split() == [
        "one",
        "one",
        "broken",
        "data",
        "given.txt",
        "link",
        "same.txt",
    ]
    assert outputs(run) == ["data/words.txt", "made.txt"]
    assert run.report.manifest is not None and run.report.manifest.skipped == []


def test_an_input_replaces_a_file_of_its_name(real: Worker, image: str) -> None:
    given = real.web.file("given.txt", b"mine")

    run = sh(real, image, "cat given.txt", inputs=[given])

    assert printed(run) == "mine" and outputs(run) == []


def test_a_repository_that_does_not_fit_is_told(real: Worker, image: str) -> None:
    run = sh(real, image, "echo started", limits=LIMITS.model_copy(update={"disk_bytes": 2 * _MIB}))

    assert run.report is not None and run.report.state == "failed"
    assert "does not fit into the working folder" in run.report.reason
    assert "started" not in printed(run)


def test_without_it_the_folder_is_empty(real: Worker, image: str) -> None:
    run = sh(real, image, "ls -A", start="empty")

    assert printed(run) == ""
