"""Proves on this host, before any stranger's code runs, that a sandbox holds (DESIGN 3.19)."""

import argparse
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from shared import debian_base, doctor_judgement
from shared.canaries import CanariesUnavailable
from shared.containers import (
    EngineRefused,
    EngineUnavailable,
    NetworkRefused,
)
from shared.containers_docker import DockerContainers, connect
from shared.doctor_examination import Examination
from shared.doctor_judgement import Check, Report, must, should
from shared.egress import Egress
from shared.quota import QuotaUnavailable
from shared.settings import Settings
from shared.sqlite_driver import sqlite3
from shared.sqlite_wal import wal_is_safe

_LOCK = Path("/run/toolyard-doctor.lock")
_UNSAFE = (EngineUnavailable, EngineRefused, NetworkRefused, CanariesUnavailable, QuotaUnavailable)


# An examination whose controls were not reached says nothing of the rules; it is made again.
_EXAMINATIONS = 3


def quick(containers: DockerContainers) -> str:
    """Why this host may do no work, or an empty text; asks the engine and loads the rules only."""
    try:
        checks = doctor_judgement.engine(containers.info())
        for rules in containers.rules.values():
            if isinstance(rules, Egress):
                rules.ensure()
    except (EngineUnavailable, NetworkRefused) as error:
        return str(error)
    return doctor_judgement.report(checks, 0).reason


def examine(
    containers: DockerContainers,
    data: Path,
    *,
    image: str | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> Report:
    """All checks with real sandboxes; removes whatever it made, also when something fails."""
    begun = time.monotonic()
    checks = [_database(), doctor_judgement.git(_output_of("git", "--version"))]
    try:
        checks += doctor_judgement.engine(containers.info())
        image = image or debian_base.ensure(containers, data, progress)
        found: list[Check] = []
        for _ in range(_EXAMINATIONS):
            with ExitStack() as stack:
                lock_host(stack)
                found = Examination(containers, data, image, stack).checks()
            if not doctor_judgement.proves_nothing(found):
                break
        checks += found
    except (debian_base.BaseUnavailable, *_UNSAFE) as error:
        checks.append(must("probe", False, str(error)))
    return doctor_judgement.report(checks, round(time.monotonic() - begun, 2))


def lock_host(stack: ExitStack) -> None:
    """One doctor at a time: the canaries' addresses exist once on a host."""
    try:
        lock = stack.enter_context(_LOCK.open("w"))
    except OSError as error:
        raise CanariesUnavailable(f"{_LOCK} cannot be opened: run the doctor as root.") from error
    fcntl.flock(lock, fcntl.LOCK_EX)


def _database() -> Check:
    return should(
        "SQLite's write-ahead log",
        wal_is_safe(sqlite3.sqlite_version_info),
        f"{sqlite3.sqlite_version}: without the fix the slower rollback journal is used",
    )


def _output_of(*argv: str) -> str:
    if not shutil.which(argv[0]):
        return f"{argv[0]} is missing"
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout.strip()


class DoctorSettings(Settings):
    """What `python -m shared.doctor` reads from the environment."""

    build_allow: str = ""


def main(argv: list[str]) -> int:
    """Examine this host; 0 when work may be done, else 1."""
    parser = argparse.ArgumentParser(prog="python -m shared.doctor", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(argv)
    settings = DoctorSettings.read(os.environ)
    containers = connect(settings.data, allow=settings.build_allow)
    try:
        report = examine(containers, settings.data, progress=lambda line: _say(line, sys.stderr))
    finally:
        containers.close()
    if options.json:
        _say(json.dumps(report.model_dump()), sys.stdout)
        return 0 if report.ok else 1
    for check in report.checks:
        mark = "ok  " if check.ok else "FAIL" if check.mandatory else "note"
        _say(f"{mark} {check.name}: {check.detail}", sys.stdout)
    _say(f"{'Work may be done' if report.ok else 'No work'}. {report.seconds} s", sys.stdout)
    return 0 if report.ok else 1


def _say(text: str, file: TextIO) -> None:
    print(text, file=file)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
