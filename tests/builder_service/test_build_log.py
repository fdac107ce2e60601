"""The log of a build on its way to web."""

import threading
from contextlib import closing
from pathlib import Path

import pytest

from builder_service import build_log
from builder_service.build_log import BuildLog, LogSender
from tests.builder_service.recorded_control import RecordedControl
from tests.builder_service.test_app import assignment


def test_lines_gather_while_a_build_goes_on_and_nobody_waits_when_it_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_log, "_GATHER_SECONDS", 3600.0)
    control = RecordedControl()
    with closing(BuildLog(tmp_path / "log", 1 << 20)) as log:
        sender = LogSender(log, control, assignment(), threading.Event())  # type: ignore[arg-type]
        log.say("first")
        sender.begin()
        while not control.output:
            threading.Event().wait(0.01)
        log.say("second")
        assert control.output == b"--- first\n"
        log.end()
        sender.flush()

    assert control.output == b"--- first\n--- second\n"
