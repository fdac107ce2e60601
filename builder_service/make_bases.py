"""`python -m builder_service.make_bases`: every base image now, instead of at the first build that needs it."""

import os
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from builder_service import bases
from builder_service.base_recipes import RECIPES
from builder_service.build_log import BuildLog
from builder_service.failures import BuildFailed
from builder_service.operator_env import Operator
from builder_service.settings import BuilderSettings
from builder_service.step_runner import Steps
from shared.clock import SystemClock
from shared.containers import EngineUnavailable
from shared.containers_docker import connect
from shared.process import settings_or_exit
from shared.work import BUILD_LIMITS


def main() -> int:
    """0 when all are there; 1 with a sentence on stderr."""
    settings = settings_or_exit(BuilderSettings, os.environ)
    settings.state.mkdir(parents=True, exist_ok=True)
    containers = connect(settings.data, allow=settings.build_allow)
    clock = SystemClock()
    operator = Operator(
        settings.build_ca,
        settings.build_proxy,
        settings.build_python_index,
        settings.build_node_registry,
        settings.build_maven_mirror,
        settings.build_go_proxy,
        settings.build_gem_source,
        settings.build_cpan_mirror,
        settings.build_cran_mirror,
    )
    try:
        for name in RECIPES:
            with (
                TemporaryDirectory() as folder,
                closing(BuildLog(Path(folder) / "log", BUILD_LIMITS.log_bytes)) as log,
            ):
                steps = Steps(
                    containers=containers,
                    clock=clock,
                    log=log,
                    limits=BUILD_LIMITS,
                    operator=operator,
                    prefix=f"base-{name}-{os.getpid()}",
                    labels={"job": "bases"},
                    deadline=clock.monotonic() + BUILD_LIMITS.wall_seconds,
                )
                image = bases.ensure(name, steps, settings.data, settings.state)
                steps.tidied()
                sys.stdout.write(f"{name}: {image}\n")
    except (BuildFailed, EngineUnavailable) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        containers.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
