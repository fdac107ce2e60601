"""Online backup of an installation into one folder, and its restore into an empty one."""

import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import URL, make_url

from shared.bus_sqlite import DELIVERIES
from shared.settings import Settings

_FORMAT = 1
_MANIFEST = "manifest.json"
_FOLDERS = ("secrets", "objects")


class BackupError(Exception):
    """Why it was not done, and what to do, in one sentence."""


def backup(settings: Settings, target: Path) -> None:
    """Write a new folder `target`; everything may go on running meanwhile."""
    if target.exists():
        raise BackupError(f"{target} exists already: name a new folder.")
    new = target.with_name(f".{target.name}.{secrets.token_hex(4)}.new")
    new.mkdir(mode=0o700, parents=True)
    try:
        # Objects are written once and come last: all that the rows name is there.
        _dump_database(make_url(settings.database_url_with_login), new)
        bus = _bus_file(settings)
        if bus is not None and bus.exists():
            _copy_sqlite(bus, new / "bus.db")
        for folder in _FOLDERS:
            if (settings.data / folder).is_dir():
                _copy_folder(settings.data / folder, new / folder)
        manifest = {"format": _FORMAT, "files": _digests(new)}
        (new / _MANIFEST).write_text(json.dumps(manifest, indent=1))
        new.rename(target)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def restore(settings: Settings, source: Path) -> None:
    """Bring a backup into an installation that is stopped and empty; checks it before it writes."""
    check(source)
    url = make_url(settings.database_url_with_login)
    taken = [settings.data / folder for folder in _FOLDERS]
    bus = _bus_file(settings)
    if bus is not None:
        taken.append(bus)
    if url.get_backend_name() == "sqlite":
        taken.append(Path(url.database or ""))
    elif _has_tables(url):
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
        _copy_sqlite(source / "bus.db", bus)
    _load_database(url, source)


def check(source: Path) -> None:
    """Raise `BackupError` unless every file of the backup is there as it was written."""
    try:
        manifest = json.loads((source / _MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise BackupError(f"{source} is no complete backup: it has no {_MANIFEST}.") from error
    if manifest.get("format") != _FORMAT:
        raise BackupError(f"{source} has a format that this version cannot read.")
    if _digests(source) != manifest["files"]:
        raise BackupError(f"{source} is damaged: its files differ from its {_MANIFEST}.")


def _bus_file(settings: Settings) -> Path | None:
    url = urlsplit(settings.bus_url)
    return Path(url.path[1:]) if url.scheme == "sqlite" else None


def _dump_database(url: URL, folder: Path) -> None:
    if url.get_backend_name() == "sqlite":
        _copy_sqlite(Path(url.database or ""), folder / "database.sqlite")
        return
    _postgres("pg_dump", url, "--format=custom", "--no-owner", f"--file={folder}/database.pgdump")


def _load_database(url: URL, folder: Path) -> None:
    sqlite_file, dump = folder / "database.sqlite", folder / "database.pgdump"
    on_sqlite = url.get_backend_name() == "sqlite"
    if on_sqlite and sqlite_file.exists():
        _copy_sqlite(sqlite_file, Path(url.database or ""))
    elif not on_sqlite and dump.exists():
        _postgres(
            "pg_restore",
            url,
            "--no-owner",
            "--exit-on-error",
            "--single-transaction",
            f"--dbname={url.database}",
            str(dump),
        )
    else:
        raise BackupError("The backup is of the other kind of database (SQLite or PostgreSQL).")


def _copy_sqlite(source: Path, target: Path) -> None:
    if not source.is_file():
        raise BackupError(f"There is no database {source}.")
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.close(descriptor)
    with (
        closing(sqlite3.connect(source, timeout=30)) as reading,
        closing(sqlite3.connect(target)) as writing,
    ):
        reading.backup(writing)
        answer = writing.execute("PRAGMA integrity_check").fetchone()[0]
    if answer != "ok":
        raise BackupError(f"The copy of {source} is damaged: {answer}.")


def _has_tables(url: URL) -> bool:
    return "CREATE TABLE" in _postgres("pg_dump", url, "--schema-only")


def _postgres(program: str, url: URL, *arguments: str) -> str:
    """Run one of PostgreSQL's programs; the password travels in its environment, not in argv."""
    found = {
        "PGHOST": url.host or url.query.get("host"),
        "PGPORT": url.port,
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
    }
    environment = {name: str(value) for name, value in found.items() if value is not None}
    done = subprocess.run(
        [_program(program), *arguments],
        env={"PATH": os.defpath, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BackupError(f"{program} failed: {done.stderr.strip()}")
    return done.stdout


def _program(name: str) -> str:
    installed = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: int(p.parts[4])
    )
    found = str(installed[-1]) if installed else shutil.which(name)
    if not found:
        raise BackupError(f"{name} is missing: install the package postgresql-client.")
    return found


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
        if path.is_file() and path != folder / _MANIFEST:
            with path.open("rb") as file:
                name = str(path.relative_to(folder))
                digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests
