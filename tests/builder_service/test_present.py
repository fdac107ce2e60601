"""Commands that a plan foresaw and the build did not make."""

from pathlib import Path

import pytest

from builder_service import bases
from builder_service.present import present
from shared.plan import Command, Plan
from tests.builder_service.conftest import Bench

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]


def planned(runtime: str, *programs: str) -> Plan:
    commands = [Command(name=Path(one).name, run=[one], evidence="made") for one in programs]
    return Plan(runtime=runtime, base="debian", commands=commands)


def test_what_the_build_did_not_make_leaves_the_list(bench: Bench, tmp_path: Path) -> None:
    with bench.steps(tmp_path / "log") as steps:
        image = bases.ensure("debian", steps, bench.data, bench.data / "builder")

        def left(plan: Plan) -> list[str]:
            return [command.name for command in present(plan, image, steps).commands]

        assert left(planned("c", "/bin/ls", "/usr/local/bin/nope", "/bin/cat")) == ["ls", "cat"]
        assert "not made by this build: nope" in (tmp_path / "log").read_text()
        # Found in files, not foreseen; and where nothing is there the smoke tells more.
        assert left(planned("python", "/bin/ls", "/usr/local/bin/nope")) == ["ls", "nope"]
        assert left(planned("c", "/usr/local/bin/a", "/usr/local/bin/b")) == ["a", "b"]
