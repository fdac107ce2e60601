"""Backups in an object store or a folder: each file once, by the SHA-256 of its bytes, and a list a backup.

A night's backup sends only what no earlier one has; the list comes last and makes the backup whole.
"""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from shared.backup import MANIFEST, BackupError, check
from shared.backup_rotation import superfluous, time_of
from shared.objects import NotFound, Objects, bucket_of
from shared.objects_disk import DiskObjects

_DAY = 24 * 3_600_000
SPARED_MS = _DAY
"""Younger bytes stay although no list names them: the list of a backup in work comes last."""


def open_place(place: str) -> Objects:
    """`s3://BUCKET[/PREFIX]`, or a folder that only this user can read."""
    if place.startswith("s3://"):
        bucket, prefix = bucket_of(place)
        return cast(Objects, import_module("shared.objects_s3").S3Objects(bucket, prefix))
    if "://" in place or not place.strip():  # an unset variable is not the folder one stands in
        raise BackupError(
            f"{place!r} is no place for backups: give a folder or s3://BUCKET/PREFIX."
        )
    folder = Path(place).absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return DiskObjects(folder, "", "")


class BackupStore:
    """The backups of one installation; one writer at a time."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def names(self) -> list[str]:
        """Whole backups, the oldest first."""
        return sorted(key.partition("/")[0] for key in self._keys() if key.endswith(f"/{MANIFEST}"))

    def newest(self) -> str:
        """Raises `BackupError` where there is none."""
        found = [name for name in self.names() if time_of(name) is not None]
        if not found:
            raise BackupError("There is no backup in that place.")
        return found[-1]

    def save(self, name: str, manifest: Mapping[str, Any], files: Mapping[str, Path]) -> int:
        """Store a backup whose files lie at these places; how many bytes had to be sent."""
        there = set(self._keys())
        if f"{name}/{MANIFEST}" in there:
            raise BackupError(f"There is a backup {name} already.")
        sent, listed = 0, dict(manifest["files"])
        for path, sha256 in manifest["files"].items():
            key = _blob(sha256)
            if key in there:
                continue
            try:
                stored = self._objects.put(key, files[path])
            except FileNotFoundError:
                if not path.startswith("objects/"):
                    raise
                del listed[path]  # deleted on purpose meanwhile
                continue
            if stored.sha256 != sha256:
                raise BackupError(f"{path} changed while it was stored: try again.")
            there.add(key)
            sent += stored.size
        with tempfile.NamedTemporaryFile() as file:
            file.write(json.dumps({**manifest, "files": listed}, indent=1).encode())
            file.flush()
            self._objects.put(f"{name}/{MANIFEST}", Path(file.name))
        return sent

    def fetch(self, name: str, folder: Path) -> None:
        """The backup as the new folder that `shared.backup.restore` takes; every byte is checked."""
        folder.mkdir(mode=0o700, parents=True)
        manifest = self._manifest(name)
        for path, sha256 in manifest["files"].items():
            target = folder / path
            if not target.resolve().is_relative_to(folder.resolve()):
                raise BackupError(f"{name} names a file outside of it: {path}.")
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            try:
                self._objects.get(_blob(sha256), target)
            except NotFound as error:
                raise BackupError(f"{name} is damaged: {path} is missing.") from error
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1))
        check(folder)

    def prune(self, now: int, *, daily: int, weekly: int) -> list[str]:
        """Take away what rotation does not keep, then the bytes that no list names; which backups went."""
        gone = superfluous(self.names(), daily=daily, weekly=weekly)
        for name in gone:
            self._objects.delete(f"{name}/{MANIFEST}")
        needed = {
            _blob(sha256)
            for name in self.names()
            for sha256 in self._manifest(name)["files"].values()
        }
        for found in list(self._objects.walk()):
            if (
                found.key.startswith("blobs/")
                and found.key not in needed
                and found.stored_at < now - SPARED_MS
            ):
                self._objects.delete(found.key)
        return gone

    def _keys(self) -> Iterator[str]:
        return (found.key for found in self._objects.walk())

    def _manifest(self, name: str) -> dict[str, Any]:
        try:
            with self._objects.open(f"{name}/{MANIFEST}") as file:
                return cast(dict[str, Any], json.load(file))
        except (NotFound, ValueError) as error:
            raise BackupError(f"There is no whole backup {name} in that place.") from error


def _blob(sha256: str) -> str:
    return f"blobs/{sha256[:2]}/{sha256}"
