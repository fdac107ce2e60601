"""A builder on the real engine, repositories served to it, and web's side in memory."""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from builder_service.build_log import BuildLog
from builder_service.fetch import Source
from builder_service.one_build import OneBuild
from builder_service.operator_env import Operator
from builder_service.step_runner import Steps
from builder_service.workshop import Workshop
from scripts import build_settings
from shared.clock import SystemClock
from shared.containers_docker import DockerContainers
from shared.work import BuildAssignment, BuildReport, Limits
from tests.builder_service.recorded_control import RecordedControl
from tests.engine import opened
from tests.git_server import GitServer, repository_from_files

Files = dict[str, str]
LIMITS = Limits(cpus=2.0, memory_bytes=2 << 30, pids=512, wall_seconds=240, disk_bytes=4 << 30)


@dataclass
class Attempt:
    """One build that has begun: its life, and what web was told."""

    build: OneBuild
    control: RecordedControl
    assignment: BuildAssignment

    def live(self) -> BuildReport:
        self.build.live()
        assert self.control.reports, self.log
        return self.control.reports[0]

    @property
    def log(self) -> str:
        return bytes(self.control.output).decode(errors="replace")


@dataclass
class Bench:
    """Makes repositories and builds of them."""

    server: GitServer
    containers: DockerContainers
    data: Path
    operator: Operator
    made: list[Attempt] = field(default_factory=list)

    def repository(self, name: str, files: Files) -> str:
        """The link of a repository that gains a commit of exactly these; `name*` is executable."""
        executable = [path.rstrip("*") for path in files if path.endswith("*")]
        plain = {path.rstrip("*"): text for path, text in files.items()}
        repository_from_files(self.server.root, name, plain, executable=executable)
        return self.server.link(name)

    def attempt(
        self,
        link: str,
        *,
        limits: Limits = LIMITS,
        operator: Operator | None = None,
        **wishes: object,
    ) -> Attempt:
        control = RecordedControl()
        workshop = Workshop(
            control=control,  # type: ignore[arg-type]
            containers=self.containers,
            data=self.data,
            state=self.data / "builder",
            place=self.data / "builder/0",
            source=Source(allowed={self.server.address}),
            operator=operator or self.operator,
        )
        assignment = BuildAssignment.model_validate(
            {
                "id": "bld_" + secrets.token_hex(4),
                "fence": 1,
                "attempt": secrets.token_hex(4),
                "token": "t",
                "lease_seconds": 45,
                "heartbeat_seconds": 0.2,
                "account": "acc_1",
                "link": link,
                "limits": limits,
                **wishes,
            }
        )
        self.made.append(Attempt(OneBuild(workshop, assignment), control, assignment))
        return self.made[-1]

    @contextmanager
    def steps(self, log: Path) -> Iterator[Steps]:
        """Steps without a build around them."""
        clock, prefix = SystemClock(), f"steps-{secrets.token_hex(4)}"
        until = clock.monotonic() + LIMITS.wall_seconds
        with closing(BuildLog(log, LIMITS.log_bytes)) as open_log:
            made = Steps(self.containers, clock, open_log, LIMITS, self.operator, prefix, {}, until)
            yield made
            made.tidied()

    def left(self) -> list[str]:
        """Containers of this bench that exist; what others start from a base that it made inherits its label."""
        kinds = ("run", "build")
        return [s.name for kind in kinds for s in self.containers.list({"kind": kind})]


@pytest.fixture(scope="session")
def found_settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What builds need on this host to reach its package indexes."""
    path = tmp_path_factory.mktemp("found") / "build.env"
    build_settings.main(path)
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture(scope="module")
def bench(
    tmp_path_factory: pytest.TempPathFactory, found_settings: dict[str, str]
) -> Iterator[Bench]:
    data = tmp_path_factory.mktemp("data")
    ca = found_settings.get("TOOLYARD_BUILD_CA")
    allow = found_settings.get("TOOLYARD_BUILD_ALLOW", "")
    with (
        GitServer(tmp_path_factory.mktemp("git")) as server,
        opened(data, allow=allow) as containers,
    ):
        made = Bench(server, containers, data, Operator(ca=Path(ca) if ca else None))
        yield made
        for name in made.left():
            containers.remove(name)
        for attempt in made.made:
            for report in attempt.control.reports:
                if report.identity:
                    containers.remove_image(f"toolyard-build:{report.identity}")
        for used in sorted((data / "builder/used").glob("*"), key=lambda p: -p.stat().st_mtime_ns):
            containers.remove_image(used.name.replace("@", ":"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    """Serves what the test makes in its root."""
    with GitServer(tmp_path / "served") as running:
        yield running
