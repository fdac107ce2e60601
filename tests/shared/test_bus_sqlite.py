"""What is true of the embedded bus only: which of its files survives what."""

from pathlib import Path

import pytest

from shared import bus_sqlite
from shared.bus_sqlite import SqliteBus


@pytest.fixture
def boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that names this boot; other words in it are another boot."""
    path = tmp_path / "boot-id"
    path.write_text("first\n")
    monkeypatch.setattr(bus_sqlite, "_BOOT_ID", path)
    return path


def opened(folder: Path) -> SqliteBus:
    return SqliteBus(folder / "bus" / "bus.db", folder / "wake")


def test_a_delivery_survives_its_process(boot: Path, tmp_path: Path) -> None:
    bus = opened(tmp_path)
    bus.put("text", ["runner"])
    bus.receive("runner", 1, 0)
    bus.close()

    again = opened(tmp_path)
    assert again.receive("runner", 1, 0) == []  # still hidden
    assert again.depth("runner") == 1
    again.close()


def test_after_a_power_cut_all_that_was_in_work_is_delivered_again(
    boot: Path, tmp_path: Path
) -> None:
    bus = opened(tmp_path)
    bus.put("done", ["runner"])
    bus.put("in work", ["runner"])
    done, _ = bus.receive("runner", 10, 0)
    done.ack()
    bus.close()
    boot.write_text("second\n")

    again = opened(tmp_path)
    assert [message.body for message in again.receive("runner", 10, 0)] == ["in work"]
    again.close()
    assert not [path for path in (tmp_path / "bus").iterdir() if "first" in path.name]


def test_messages_are_synced_and_deliveries_are_not(boot: Path, tmp_path: Path) -> None:
    bus = opened(tmp_path)
    levels = [
        bus._connection.execute(f"PRAGMA {file}.synchronous").fetchone()[0]
        for file in ("main", "fleeting")
    ]
    bus.close()
    assert levels == [2, 0]  # FULL and OFF


@pytest.mark.parametrize(("safe", "journal"), [(True, "wal"), (False, "persist")])
def test_the_journal_is_the_best_that_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, safe: bool, journal: str
) -> None:
    monkeypatch.setattr(bus_sqlite, "wal_is_safe", lambda version: safe)
    bus = opened(tmp_path)
    assert bus._connection.execute("PRAGMA journal_mode").fetchone()[0] == journal
    bus.put("text", ["runner"])
    (found,) = bus.receive("runner", 1, 0)
    found.ack()
    assert bus.depth("runner") == 0
    bus.close()
