"""A backup taken while writers write restores to the same rows, messages, secrets and objects."""

import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import select

from shared.backup import BackupError, backup, restore
from shared.bus_open import open_bus
from shared.db import Transactions
from shared.events import RunRequested, decode
from shared.schema.everything import metadata
from shared.settings import Settings
from tests.finished import finished

OBJECT = "objects/runs/run_1@/" + sha256(b"\x00bytes").hexdigest()


def settings(data: Path, database_url: str) -> Settings:
    return Settings.read({"TOOLYARD_DATA": str(data), "TOOLYARD_DATABASE_URL": database_url})


def everything(url: str) -> dict[str, list[tuple[object, ...]]]:
    transactions = Transactions(url)
    try:
        with transactions.read() as session:
            return {
                table.name: sorted(
                    (tuple(row) for row in session.execute(select(table)).all()), key=repr
                )
                for table in metadata.sorted_tables
            }
    finally:
        transactions.close()


@pytest.fixture
def source(tmp_path: Path, database_url: str) -> Settings:
    """An installation with a row or two, a message, a secret and an object."""
    found = settings(tmp_path / "source", database_url)
    found.secret("signing-key")
    object_file = found.data / OBJECT
    object_file.parent.mkdir(parents=True)
    object_file.write_bytes(b"\x00bytes")
    transactions = Transactions(found.database_url)
    finished(transactions)
    transactions.close()
    bus = open_bus(found.bus_url, found.data)
    bus.publish(RunRequested(event_id="evt_1", at=1, run_id="run_1"))
    bus.close()
    return found


def kind_of(found: Settings) -> str:
    return found.database_url.partition(":")[0].partition("+")[0]


def test_what_is_restored_is_what_was_there(
    source: Settings, tmp_path: Path, new_database: Callable[..., str]
) -> None:
    backup(source, tmp_path / "backup")
    target = settings(tmp_path / "target", new_database(kind_of(source), migrated=False))

    restore(target, tmp_path / "backup")

    assert everything(target.database_url) == everything(source.database_url)
    assert everything(target.database_url)["run"] != []
    assert target.secret("signing-key") == source.secret("signing-key")
    assert (target.data / "secrets" / "signing-key").stat().st_mode & 0o777 == 0o600
    assert (target.data / OBJECT).read_bytes() == b"\x00bytes"
    bus = open_bus(target.bus_url, target.data)
    (message,) = bus.receive("runner", 10, 0)
    bus.close()
    assert decode(message.body).event_id == "evt_1"


def test_writers_go_on_meanwhile(
    source: Settings, tmp_path: Path, new_database: Callable[..., str]
) -> None:
    stop, written = threading.Event(), []

    def write() -> None:
        transactions = Transactions(source.database_url)
        while not stop.is_set():
            written.append(finished(transactions))
        transactions.close()

    writer = threading.Thread(target=write)
    writer.start()
    backup(source, tmp_path / "backup")
    stop.set()
    writer.join(30)
    target = settings(tmp_path / "target", new_database(kind_of(source), migrated=False))

    restore(target, tmp_path / "backup")

    rows = everything(target.database_url)
    assert len(rows["account"]) == len(rows["run"]) == len(rows["build"]) >= 1
    assert len(written) >= 1


def test_an_installation_with_data_is_not_overwritten(source: Settings, tmp_path: Path) -> None:
    backup(source, tmp_path / "backup")
    with pytest.raises(BackupError, match=r"exists|has tables"):
        restore(source, tmp_path / "backup")


def test_a_damaged_backup_is_refused(
    source: Settings, tmp_path: Path, new_database: Callable[..., str]
) -> None:
    backup(source, tmp_path / "backup")
    (tmp_path / "backup" / OBJECT).write_bytes(b"\x01bytes")
    target = settings(tmp_path / "target", new_database(kind_of(source), migrated=False))

    with pytest.raises(BackupError, match="damaged"):
        restore(target, tmp_path / "backup")

    assert not target.data.exists()


def test_a_folder_that_is_no_backup_is_refused(source: Settings, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="no complete backup"):
        restore(source, tmp_path)


def test_an_existing_target_is_refused(source: Settings, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="exists already"):
        backup(source, tmp_path)


def test_the_kinds_of_database_are_not_mixed(
    source: Settings, tmp_path: Path, new_database: Callable[..., str]
) -> None:
    backup(source, tmp_path / "backup")
    other = "sqlite" if kind_of(source) == "postgresql" else "postgresql"
    target = settings(tmp_path / "target", new_database(other, migrated=False))
    with pytest.raises(BackupError, match="other kind"):
        restore(target, tmp_path / "backup")


def test_restored_messages_are_not_hidden_by_deliveries_of_before(
    source: Settings, tmp_path: Path, new_database: Callable[..., str]
) -> None:
    backup(source, tmp_path / "backup")
    target = settings(tmp_path / "target", new_database(kind_of(source), migrated=False))
    bus = open_bus(target.bus_url, target.data)
    bus.publish(RunRequested(event_id="evt_2", at=1, run_id="run_2"))
    assert len(bus.receive("runner", 1, 0)) == 1
    bus.close()
    (target.data / "bus.db").unlink()

    restore(target, tmp_path / "backup")

    bus = open_bus(target.bus_url, target.data)
    (message,) = bus.receive("runner", 10, 0)
    bus.close()
    assert decode(message.body).event_id == "evt_1"
