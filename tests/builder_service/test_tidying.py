"""What goes while a build goes on: all of it is gone at the end, and a fault in it takes nothing from the build."""

import time
from pathlib import Path

from structlog.testing import capture_logs

from builder_service.build_log import BuildLog
from builder_service.operator_env import Operator
from builder_service.step_runner import Steps
from shared.clock import SystemClock
from shared.containers import EngineUnavailable
from shared.work import Limits


def steps_in(folder: Path) -> Steps:
    log = BuildLog(folder / "log", 1 << 20)
    return Steps(None, SystemClock(), log, Limits(), Operator(), "b", {}, 60.0)  # type: ignore[arg-type]


def test_a_finished_build_waits_for_it_and_outlives_its_faults(tmp_path: Path) -> None:
    steps, gone = steps_in(tmp_path), []

    def fails() -> None:
        raise EngineUnavailable("the engine is away")

    def takes_its_time() -> None:
        time.sleep(0.1)
        gone.append("container")

    steps.later(fails)
    steps.later(takes_its_time)
    with capture_logs() as told:
        steps.tidied()
    steps.log.close()

    assert gone == ["container"]
    assert [(line["event"], line["reason"]) for line in told] == [
        ("not_tidied", "the engine is away")
    ]
