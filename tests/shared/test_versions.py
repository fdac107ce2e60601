"""What a backup lists and was deleted from the bucket since comes back; what is gone is told."""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from click import Command

from cli.commands.admin import admin
from cli.restore_drill import Report, _look_at_objects
from shared import bucket_s3
from shared.backup import BackupError, backup
from shared.objects import Objects
from shared.objects_open import open_objects
from shared.objects_s3 import S3Objects
from shared.settings import Settings
from shared.versions_s3 import S3Versions
from tests.contracts.stores import ORIGIN


def new_bucket(*, versioned: bool = True) -> str:
    bucket = f"versions-{secrets.token_hex(4)}"
    objects = S3Objects(bucket)
    if versioned:
        bucket_s3.provision(bucket, [ORIGIN])
    else:
        objects.client.create_bucket(Bucket=bucket)
    objects.client.close()
    return bucket


def put(objects: Objects, folder: Path, **named: bytes) -> None:
    for name, data in named.items():
        (folder / name).write_bytes(data)
        objects.put(f"files/{name}", folder / name)


def listed(objects: Objects) -> Mapping[str, int]:
    return {found.key: found.stored_at for found in objects.walk()}


@pytest.mark.parametrize("emulator", ["ministack", "moto"])
def test_only_the_bytes_of_the_list_come_back(
    emulator: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    request.getfixturevalue(emulator)
    bucket = new_bucket()
    objects, foreign = S3Objects(bucket, "ours"), S3Objects(bucket, "foreign")
    put(objects, tmp_path, stays=b"1", deleted=b"2", twice=b"3", rewritten=b"4", lost=b"5")
    put(foreign, tmp_path, deleted=b"6")
    wanted = {**listed(objects), "files/never": 1}
    for key in ("deleted", "twice", "rewritten", "lost"):
        objects.delete(f"files/{key}")
    objects.delete("files/twice")
    foreign.delete("files/deleted")
    put(objects, tmp_path, unlisted=b"7", rewritten=b"other")
    objects.delete("files/rewritten")
    wanted["files/rewritten"] -= 5_000  # as if there had been time between
    for one in objects.client.list_object_versions(Bucket=bucket, Prefix="ours/files/lost")[
        "Versions"
    ]:
        objects.client.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])

    versions = S3Versions(objects)
    looked = versions.look(wanted)
    assert (looked.there, set(looked.hidden)) == (1, {"files/deleted", "files/twice"})
    assert looked.gone == ["files/lost", "files/never", "files/rewritten"]
    assert set(listed(objects)) == {"files/stays", "files/unlisted"}, "a look changes nothing"
    versions.bring_back(looked)

    assert listed(objects) == {
        key: at for key, at in {**wanted, **listed(objects)}.items() if key not in looked.gone
    }
    objects.get("files/twice", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"3"
    assert listed(foreign) == {}
    assert versions.look(wanted).hidden == {}


def test_whoever_may_not_is_told_what_it_takes(ministack: str, tmp_path: Path) -> None:
    objects = S3Objects("a-bucket-that-nobody-made")
    with pytest.raises(BackupError, match=r"NoSuchBucket.*s3:ListBucketVersions"):
        S3Versions(objects).look({"k": 1})


@pytest.fixture
def found(ministack: str, tmp_path: Path, new_database: Callable[..., str]) -> Settings:
    """An installation whose objects lie in a bucket."""
    return Settings.read(
        {
            "TOOLYARD_DATA": str(tmp_path / "source"),
            "TOOLYARD_DATABASE_URL": new_database("sqlite"),
            "TOOLYARD_OBJECTS_URL": f"s3://{new_bucket()}",
        }
    )


def told(found: Settings, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environ = {
        **os.environ,
        "TOOLYARD_DATA": str(found.data),
        "TOOLYARD_DATABASE_URL": found.database_url,
        "TOOLYARD_OBJECTS_URL": found.objects_url,
    }
    return subprocess.run(
        [sys.executable, "-m", "cli", "admin", *arguments],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_operator_brings_back_what_a_backup_lists(found: Settings, tmp_path: Path) -> None:
    objects = open_objects(found, found.secret("signing-key"))
    put(objects, tmp_path, a=b"1", b=b"2")
    backup(found, tmp_path / "backup")
    objects.delete("files/a")

    dry = told(found, "undelete", str(tmp_path / "backup"), "--dry-run")
    assert (dry.returncode, objects.stat("files/a")) == (0, None), dry.stderr
    assert "1 are there, 1 would be brought back" in dry.stderr
    report = Report()
    _look_at_objects(report, found, tmp_path / "backup")
    assert (report.good, objects.stat("files/a")) == (True, None)

    target = found.model_copy(
        update={
            "data": tmp_path / "target",
            "database_url": f"sqlite:///{tmp_path}/target/toolyard.db",
        }
    )
    restored = told(target, "restore", str(tmp_path / "backup"))
    assert restored.returncode == 0, restored.stderr
    assert objects.stat("files/a") is not None


def test_what_is_gone_for_good_fails_the_command_and_the_drill(
    found: Settings, tmp_path: Path
) -> None:
    bucket = new_bucket(versioned=False)
    found = found.model_copy(update={"objects_url": f"s3://{bucket}"})
    objects = open_objects(found, found.secret("signing-key"))
    put(objects, tmp_path, a=b"1", b=b"2")
    backup(found, tmp_path / "backup")
    objects.delete("files/a")

    done = told(found, "undelete", str(tmp_path / "backup"))
    report = Report()
    _look_at_objects(report, found, tmp_path / "backup")

    assert done.returncode != 0
    assert "1 objects of the backup are gone for good: files/a." in done.stderr
    assert not report.good


def test_deleted_bytes_outlive_the_backups_that_list_them() -> None:
    command = admin.commands["backup"]
    assert isinstance(command, Command)
    weeks = {option.name: option.default for option in command.params}["keep_weekly"]
    assert isinstance(weeks, int)
    assert 7 * weeks < bucket_s3.OLD_VERSION_DAYS
