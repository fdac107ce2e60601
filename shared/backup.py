"""Online backup of an installation into one folder, and its restore into an empty one."""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import make_url

from shared import backup_database
from shared.backup_database import BackupError, copy_sqlite
from shared.bus_sqlite import DELIVERIES
from shared.clock import SystemClock
from shared.objects_open import open_objects, open_versions
from shared.settings import Settings
from shared.versions import Looked

__all__ = ["MANIFEST", "BackupError", "backup", "check", "objects_of", "restore", "undelete"]

_FORMATS = (1, 2)
MANIFEST = "manifest.json"
INVENTORY = "inventory.jsonl"
"""Keys of the objects, where they lie in a bucket: its versions are their backup."""
_FOLDERS = ("secrets", "objects")


def backup(settings: Settings, target: Path, *, objects: bool = True) -> dict[str, Any]:
    """Write a new folder `target`; everything may go on running meanwhile. The manifest."""
    if target.exists():
        raise BackupError(f"{target} exists already: name a new folder.")
    new = target.with_name(f".{target.name}.{secrets.token_hex(4)}.new")
    new.mkdir(mode=0o700, parents=True)
    try:
        # Objects are written once and come last: all that the rows name is there.
        at = SystemClock().now_ms()
        rows = backup_database.dump(make_url(settings.database_url_with_login), new)
        bus = _bus_file(settings)
        if bus is not None and bus.exists():
            copy_sqlite(bus, new / "bus.db")
        for folder in _FOLDERS if objects else ("secrets",):
            if (settings.data / folder).is_dir():
                _copy_folder(settings.data / folder, new / folder)
        if settings.objects_url:
            _take_inventory(settings, new / INVENTORY)
        manifest = {
            "format": _FORMATS[-1],
            "at": at,
            "rows": rows,
            "objects": settings.objects_url or "folder",
            "files": _digests(new),
        }
        (new / MANIFEST).write_text(json.dumps(manifest, indent=1))
        new.rename(target)
        return manifest
    finally:
        shutil.rmtree(new, ignore_errors=True)


def objects_of(settings: Settings) -> dict[str, tuple[str, Path]]:
    """The files of the objects' folder: digest, which is their name, and place, by path in a backup."""
    root = settings.data / "objects"
    return {
        f"objects/{path.relative_to(root)}": (path.name, path)
        for path in (root.rglob("*") if root.is_dir() else ())
        if path.parent.name.endswith("@") and path.parts[len(root.parts)] != ".incoming"
    }


def restore(
    settings: Settings, source: Path, *, then: Callable[[int | None], None] | None = None
) -> None:
    """Bring a backup into an installation that is stopped and empty; checks it before it writes.

    `then` is called with the backup's time once all is there, before anything may be started.
    """
    manifest = check(source)
    url = make_url(settings.database_url_with_login)
    taken = [settings.data / folder for folder in _FOLDERS]
    bus = _bus_file(settings)
    if bus is not None:
        taken.append(bus)
    if url.get_backend_name() == "sqlite":
        taken.append(Path(url.database or ""))
    elif backup_database.has_tables(url):
        raise BackupError(f"The database {url.database} has tables: restore into an empty one.")
    for path in taken:
        if path.is_file() or (path.is_dir() and any(path.iterdir())):
            raise BackupError(f"{path} exists: stop the platform and move its data away first.")
    settings.data.mkdir(parents=True, exist_ok=True)
    for folder in _FOLDERS:
        if (source / folder).is_dir():
            _copy_folder(source / folder, settings.data / folder)
    if bus is not None and (source / "bus.db").exists():
        bus.parent.mkdir(parents=True, exist_ok=True)
        for old in bus.parent.glob(bus.name + DELIVERIES + "*"):  # of other messages with these ids
            old.unlink()
        copy_sqlite(source / "bus.db", bus)
    backup_database.load(url, source)
    if then is not None:
        then(manifest.get("at"))


def check(source: Path) -> dict[str, Any]:
    """The manifest; raises `BackupError` unless every file of the backup is there as it was written."""
    try:
        manifest: dict[str, Any] = json.loads((source / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise BackupError(f"{source} is no complete backup: it has no {MANIFEST}.") from error
    if manifest.get("format") not in _FORMATS:
        raise BackupError(f"{source} has a format that this version cannot read.")
    if _digests(source) != manifest["files"]:
        raise BackupError(f"{source} is damaged: its files differ from its {MANIFEST}.")
    return manifest


def undelete(settings: Settings, source: Path, *, really: bool = True) -> Looked | None:
    """Bring back what this backup lists and was deleted from the bucket since; None without a bucket."""
    versions = open_versions(settings)
    if versions is None or not (source / INVENTORY).exists():
        return None
    with (source / INVENTORY).open() as file:
        listed = {one["key"]: int(one["stored_at"]) for one in map(json.loads, file)}
    looked = versions.look(listed)
    if really:
        versions.bring_back(looked)
    return looked


def _take_inventory(settings: Settings, target: Path) -> None:
    objects = open_objects(settings, settings.secret("signing-key"))
    with target.open("w") as file:
        for found in objects.walk():
            file.write(json.dumps({"key": found.key, "stored_at": found.stored_at}) + "\n")


def _bus_file(settings: Settings) -> Path | None:
    url = urlsplit(settings.bus_url)
    return Path(url.path[1:]) if url.scheme == "sqlite" else None


def _copy_folder(source: Path, target: Path) -> None:
    """Regular files only; a file that vanishes meanwhile was deleted on purpose."""
    for folder, _, names in os.walk(source):
        to = target / Path(folder).relative_to(source)
        to.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in names:
            path = Path(folder) / name
            if path.is_symlink() or not path.is_file():
                continue
            try:
                shutil.copy2(path, to / name)
            except FileNotFoundError:
                continue


def _digests(folder: Path) -> dict[str, str]:
    digests = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != folder / MANIFEST:
            with path.open("rb") as file:
                name = str(path.relative_to(folder))
                digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests
