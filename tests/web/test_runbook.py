"""The runbook names figures, log lines and settings that there are."""

import re
from pathlib import Path

import pytest

from builder_service.settings import BuilderSettings
from runner_service.settings import RunnerSettings
from shared.db import Transactions
from shared.settings import Settings
from utility.settings import UtilitySettings
from web.metrics import Metrics
from web.settings import WebSettings

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/operations.md").read_text()
RUNBOOK = TEXT.split("## Runbook")[1]


@pytest.mark.parametrize(
    "kind",
    [WebSettings, UtilitySettings, BuilderSettings, RunnerSettings],
    ids=lambda k: k.__name__,
)
def test_every_setting_is_written_down(kind: type[Settings]) -> None:
    pages = "".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))
    named = set(re.findall(r"TOOLYARD_([A-Z_]+[A-Z])", pages))

    assert {name.upper() for name in kind.model_fields} - named <= {"CRASH"}  # for tests of faults


def test_every_figure_of_an_alarm_is_exported(sqlite_transactions: Transactions) -> None:
    metrics = Metrics(sqlite_transactions)
    metrics.observe("GET", "/", 200, 0.1)
    exported = set(re.findall(r"^(toolyard_\w+)", metrics.text().decode(), re.MULTILINE))

    named = set(re.findall(r"\btoolyard_\w+", RUNBOOK))

    assert len(named) >= 5
    # Figures with labels appear with the first job; these two have none then.
    assert named <= exported | {"toolyard_jobs"}


def test_every_log_line_and_setting_is_in_the_code() -> None:
    code = "".join(
        path.read_text()
        for folder in (
            "web",
            "shared",
            "runner_service",
            "builder_service",
            "notifier",
            "utility",
            "cli",
        )
        for path in (ROOT / folder).rglob("*.py")
    )
    lines = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", RUNBOOK))
    assert len(lines) >= 8
    assert [line for line in lines if f'"{line}"' not in code] == []
    settings = {name.lower() for name in re.findall(r"`TOOLYARD_([A-Z_]+[A-Z])`", RUNBOOK)}
    assert [name for name in settings if not re.search(rf"\b{name}: ", code)] == []
