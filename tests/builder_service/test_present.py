"""Commands that a plan foresaw and the build did not make."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from builder_service import bases
from builder_service.build_log import BuildLog
from builder_service.present import present
from builder_service.step_runner import Steps
from shared.clock import SystemClock
from shared.plan import Command, Plan
from tests.builder_service.conftest import LIMITS, Bench

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]


@pytest.fixture
def steps(bench: Bench, tmp_path: Path) -> Iterator[Steps]:
    clock = SystemClock()
    with closing(BuildLog(tmp_path / "log", LIMITS.log_bytes)) as log:
        found = Steps(
            bench.containers, clock, log, LIMITS, bench.operator, f"present-{time.monotonic_ns()}", {},
            clock.monotonic() + 240,
        )  # fmt: skip
        yield found
        found.tidied()


def planned(runtime: str, *programs: str) -> Plan:
    commands = [Command(name=Path(one).name, run=[one], evidence="made") for one in programs]
    return Plan(runtime=runtime, base="debian", commands=commands)


def test_what_the_build_did_not_make_leaves_the_list(
    bench: Bench, steps: Steps, tmp_path: Path
) -> None:
    image = bases.ensure("debian", steps, bench.data, bench.data / "builder")

    def left(plan: Plan) -> list[str]:
        return [command.name for command in present(plan, image, steps).commands]

    assert left(planned("c", "/bin/ls", "/usr/local/bin/nope", "/bin/cat")) == ["ls", "cat"]
    assert "not made by this build: nope" in (tmp_path / "log").read_text()
    # Found in files, not foreseen; and where nothing is there the smoke tells more.
    assert left(planned("python", "/bin/ls", "/usr/local/bin/nope")) == ["ls", "nope"]
    assert left(planned("c", "/usr/local/bin/a", "/usr/local/bin/b")) == ["a", "b"]
