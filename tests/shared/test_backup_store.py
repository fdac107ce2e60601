"""Backups in a folder or a bucket: sent once, checked, rotated, and never half."""

import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from shared.backup import MANIFEST, BackupError, check
from shared.backup_rotation import name_at, superfluous, time_of
from shared.backup_store import SPARED_MS, BackupStore, open_place
from shared.nightly import fetched, nightly
from shared.objects_disk import DiskObjects
from shared.objects_s3 import make_client
from shared.settings import Settings
from tests.shared.test_backup import settings, source

__all__ = ["source"]
DAY = timedelta(days=1)
NIGHT = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)


def called(nights_ago: int) -> str:
    return name_at(int((NIGHT - nights_ago * DAY).timestamp() * 1000))


def test_a_name_tells_its_time() -> None:
    assert called(0) == "toolyard-20261122T023000Z"
    assert time_of(called(0)) == int(NIGHT.timestamp() * 1000)
    assert time_of("toolyard-20261322T023000Z") is None
    assert time_of("holiday pictures") is None


def test_rotation_keeps_the_last_days_and_weeks() -> None:
    names = [called(n) for n in range(60)]

    kept = set(names) - set(superfluous(names, daily=7, weekly=5))

    # 22 November 2026 is a Sunday: each week's newest is its Sunday's.
    assert kept == {called(n) for n in (*range(7), 7, 14, 21, 28)}


def test_rotation_spares_what_is_not_ours_and_the_last_one() -> None:
    assert superfluous(["pictures", called(400)], daily=0, weekly=0) == []


def test_two_in_a_day_are_one_too_many() -> None:
    noon = name_at(int((NIGHT + timedelta(hours=9)).timestamp() * 1000))
    assert superfluous([called(0), noon], daily=7, weekly=5) == [called(0)]


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path / "backups")
    request.getfixturevalue("ministack")
    bucket = f"backups-{secrets.token_hex(4)}"
    client = make_client()
    client.create_bucket(Bucket=bucket)
    client.close()
    return f"s3://{bucket}/nightly"


def test_every_file_comes_back_as_it_was(source: Settings, place: str) -> None:
    done = nightly(source, place, daily=7, weekly=5)

    with fetched(place) as folder:
        manifest = check(folder)
        secret = folder / "secrets/signing-key"
        assert secret.read_text() == source.secret("signing-key")
        assert secret.stat().st_mode & 0o777 == 0o600
        assert (folder / "bus.db").exists()
    assert manifest["rows"]["run"] == 1
    assert (done.pruned, BackupStore(open_place(place)).names()) == ([], [done.name])


def objects_in(found: Settings, **named: bytes) -> None:
    store = DiskObjects(found.data / "objects", "", "")
    for name, data in named.items():
        path = found.data / name
        path.write_bytes(data)
        store.put(f"files/{name}", path)


def test_only_what_is_new_is_sent(tmp_path: Path, new_database: Callable[..., str]) -> None:
    found = settings(tmp_path / "source", new_database("sqlite"))
    objects_in(found, large=b"x" * 5_000_000)
    store = BackupStore(open_place(str(tmp_path / "backups")))
    first = nightly(found, str(tmp_path / "backups"), daily=7, weekly=5)
    objects_in(found, small=b"y")
    manifest = json.loads(
        (tmp_path / f"backups/{first.name}/{MANIFEST}@").glob("*").__next__().read_text()
    )

    later = {**manifest, "files": {**manifest["files"], "objects/files/small@/1": "0" * 64}}
    with pytest.raises(BackupError, match="changed while"):
        store.save("toolyard-later", later, {"objects/files/small@/1": found.data / "small"})

    assert first.sent > 5_000_000
    assert sum(p.stat().st_size for p in (tmp_path / "backups/blobs").rglob("*") if p.is_file()) < (
        first.sent + 100
    )
    assert "toolyard-later" not in store.names()  # the list comes last


def test_a_lost_or_changed_byte_is_found(source: Settings, tmp_path: Path) -> None:
    place = tmp_path / "backups"
    nightly(source, str(place), daily=7, weekly=5)
    blob = next(p for p in place.glob("blobs/*/*@/*") if p.stat().st_size > 1000)
    whole = blob.read_bytes()
    blob.write_bytes(whole[:-1] + b"?")
    with pytest.raises(BackupError, match="damaged"), fetched(str(place)):
        pass
    blob.unlink()
    with pytest.raises(BackupError, match="missing"), fetched(str(place)):
        pass


def test_old_backups_go_with_the_bytes_that_nobody_else_needs(tmp_path: Path) -> None:
    store = BackupStore(open_place(str(tmp_path / "backups")))
    files = {}
    for n, data in enumerate((b"old", b"both", b"new")):
        files[str(n)] = tmp_path / str(n)
        files[str(n)].write_bytes(data)
    digests = {n: sha256(path.read_bytes()).hexdigest() for n, path in files.items()}
    for name, used in ((called(30), "01"), (called(0), "12")):
        store.save(name, {"files": {n: digests[n] for n in used}}, files)
    now = int(datetime.now(UTC).timestamp() * 1000)

    assert store.prune(now, daily=1, weekly=1) == [called(30)]
    kept = store.prune(now, daily=1, weekly=1)
    spared = len(list((tmp_path / "backups/blobs").glob("*/*@")))
    store.prune(now + SPARED_MS + 60_000, daily=1, weekly=1)

    assert (kept, spared) == ([], 3)  # young bytes may belong to a backup in work
    left = {p.name for p in (tmp_path / "backups/blobs").glob("*/*@/*")}
    assert left == {digests["1"], digests["2"]}


def test_a_list_that_leads_out_of_the_backup_is_refused(tmp_path: Path) -> None:
    store = BackupStore(open_place(str(tmp_path / "backups")))
    listing = tmp_path / "list"
    listing.write_text(json.dumps({"files": {"../../escaped": "0" * 64}}))
    open_place(str(tmp_path / "backups")).put(f"toolyard-x/{MANIFEST}", listing)

    with pytest.raises(BackupError, match="outside"):
        store.fetch("toolyard-x", tmp_path / "fetched")
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize("place", ["ftp://example.org/backups", "", " "])
def test_a_place_that_is_none_is_refused(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BackupError, match="no place for backups"):
        open_place(place)
    assert not list(tmp_path.iterdir())
