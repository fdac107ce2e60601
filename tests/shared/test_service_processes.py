"""archiver and notifier run alone, handle what is published, and end on SIGTERM."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from shared.bus_open import open_bus
from shared.db import Transactions
from shared.schema.archives import Archive
from tests.finished import finished


def start(service: str, data: Path, database_url: str, **more: str) -> subprocess.Popen[bytes]:
    environment = {
        "PATH": os.environ["PATH"],
        "TOOLYARD_DATA": str(data),
        "TOOLYARD_DATABASE_URL": database_url,
        **more,
    }
    return subprocess.Popen([sys.executable, "-m", service], env=environment)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_each_runs_alone(tmp_path: Path, transactions: Transactions) -> None:
    ids = finished(transactions)
    processes = [
        start(service, tmp_path, transactions.url) for service in ("archiver_service", "notifier")
    ]
    bus = open_bus(f"sqlite:///{tmp_path}/bus.db", tmp_path)
    try:
        bus.publish(ids.run_event)

        def scheduled() -> bool:
            with transactions.read() as session:
                return session.execute(select(Archive.run_id)).scalars().all() == [ids.run_id]

        until(scheduled)
        until(lambda: len(list((tmp_path / "mail").glob("*.eml"))) == 1)
        until(lambda: bus.depth("archiver") == bus.depth("notifier") == 0)
        for process in processes:
            stop(process)
    finally:
        bus.close()
        for process in processes:
            process.kill()
            process.wait()


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "archiver_service"],
        env={"PATH": os.environ["PATH"], "TOOLYARD_GRACE_SECONDS": "soon"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "TOOLYARD_GRACE_SECONDS" in done.stderr
    assert "Traceback" not in done.stderr
