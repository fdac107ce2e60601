"""The restore drill: the newest backup in a scratch installation, started, asked, and taken away again."""

import hashlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

import httpx
from sqlalchemy import URL, create_engine, func, make_url, select, text
from sqlalchemy.orm import Session

from cli.servers import free_port
from shared.backup import BackupError, check, restore, undelete
from shared.backup_database import count_rows
from shared.backup_rotation import name_at
from shared.bus_open import open_bus
from shared.clock import SystemClock
from shared.nightly import fetched
from shared.objects_open import open_objects
from shared.schema.messages import Outbox
from shared.schema.runs import Output, Run
from shared.settings import Settings
from shared.topology import QUEUES

_READY_SECONDS = 60.0
_QUIET_SECONDS = 30.0
_ENDED_BY_RESTORE = {"restoration", "preview", "job_event", "outbox", "login_session"}
"""Tables that the restore itself writes, or empties; all others have the backup's rows."""


@dataclass
class Report:
    """What was proved, each with a sentence, and how old and how quick."""

    backup: str = ""
    rpo_seconds: float = 0.0
    """Age of the backup: what an accident now would lose."""
    rto_seconds: float = 0.0
    """From the first byte fetched to the first output served."""
    checks: dict[str, tuple[bool, str]] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        return bool(self.checks) and all(passed for passed, _ in self.checks.values())

    def note(self, name: str, passed: bool, told: str) -> None:
        self.checks[name] = (passed, told)

    def lines(self) -> Iterator[str]:
        yield f"backup {self.backup}"
        for name, (passed, told) in self.checks.items():
            yield f"{'ok  ' if passed else 'FAIL'} {name}: {told}"
        yield f"RPO {self.rpo_seconds / 3600:.1f} h (age of the backup), RTO {self.rto_seconds:.1f} s"

    def as_json(self) -> str:
        checks = {name: {"ok": ok, "told": told} for name, (ok, told) in self.checks.items()}
        return json.dumps(
            {
                "ok": self.good,
                "backup": self.backup,
                "rpo_seconds": round(self.rpo_seconds),
                "rto_seconds": round(self.rto_seconds, 1),
                "checks": checks,
            }
        )


def drill(
    environ: Mapping[str, str],
    place: str,
    name: str | None,
    *,
    database: str | None = None,
    max_age: float,
) -> Report:
    """Restore, start, ask, compare; raises `BackupError` where there is nothing to begin with."""
    report = Report()
    began = time.monotonic()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="toolyard-drill-")))
        source = stack.enter_context(fetched(place, name))
        manifest = check(source)
        report.backup = name_at(manifest["at"])
        report.rpo_seconds = (SystemClock().now_ms() - manifest["at"]) / 1000
        report.note(
            "age",
            report.rpo_seconds <= max_age,
            f"{report.rpo_seconds / 3600:.1f} h, at most {max_age / 3600:g} h is wanted",
        )
        url = _database(environ, source, scratch, database, stack)
        settings = _settings(environ, scratch, url)
        restore(settings, source, then=lambda at: _reconcile(settings, environ, at))
        _look_at_objects(report, settings, source)
        _compare_rows(report, manifest["rows"], url)
        base = stack.enter_context(_running(settings, environ))
        _ask(report, settings, base)
        report.rto_seconds = time.monotonic() - began
        _nothing_is_told_again(report, settings)
    return report


def _settings(environ: Mapping[str, str], scratch: Path, url: str) -> Settings:
    told = {
        # The objects' bucket is read, as the restored installation would; all else is scratch.
        "TOOLYARD_OBJECTS_URL": environ.get("TOOLYARD_OBJECTS_URL", ""),
        "TOOLYARD_DATA": str(scratch / "data"),
        "TOOLYARD_PORT": str(free_port()),
        "TOOLYARD_DATABASE_URL": url,
    }
    return Settings.read(told)


def _environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Nothing of the real installation: no mail server, bus, workers, nor its address."""
    kept = {k: v for k, v in environ.items() if not k.startswith(("TOOLYARD_", "PG", "LISTEN_"))}
    return {
        **kept,
        "TOOLYARD_OBJECTS_URL": settings.objects_url,
        "TOOLYARD_DATA": str(settings.data),
        "TOOLYARD_PORT": str(settings.port),
        "TOOLYARD_DATABASE_URL": settings.database_url,
        # The bucket is the real one: whatever deletes from it, or ends credentials, is not started.
        "TOOLYARD_UTILITY_PARTS": "relay,archiver,notifier",
    }


def _database(
    environ: Mapping[str, str], source: Path, scratch: Path, given: str | None, stack: ExitStack
) -> str:
    """Where the copy goes: a file, the database that was given, or one beside our own."""
    if (source / "database.sqlite").exists():
        return f"sqlite:///{scratch}/data/toolyard.db"
    if given:
        return given
    ours = make_url(Settings.read(environ).database_url_with_login)
    if ours.get_backend_name() != "postgresql":
        raise BackupError("The backup is of PostgreSQL: name an empty database with --database.")
    name = f"toolyard_drill_{token_hex(4)}"
    _execute(ours, f"CREATE DATABASE {name} TEMPLATE template0")
    stack.callback(_execute, ours, f"DROP DATABASE {name} WITH (FORCE)")
    return ours.set(database=name).render_as_string(hide_password=False)


def _execute(url: URL, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()


def _reconcile(settings: Settings, environ: Mapping[str, str], backup_at: int | None) -> None:
    when = ["--backup-at", str(backup_at)] if backup_at else []
    argv = [sys.executable, "-m", "web.admin", "after-restore", *when]
    told = _environment(settings, environ)
    done = subprocess.run(argv, env=told, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackupError(f"The restored database could not be brought up: {done.stderr[-2000:]}")


def _look_at_objects(report: Report, settings: Settings, source: Path) -> None:
    """In a bucket they are only listed: each must be there, or have versions to come back from."""
    try:
        looked = undelete(settings, source, really=False)
    except BackupError as error:
        report.note("objects", False, str(error))
        return
    if looked is not None:
        told = f"{looked.there} there, {len(looked.hidden)} deleted since, {len(looked.gone)} gone"
        report.note("objects", not looked.gone, told)


def _compare_rows(report: Report, expected: Mapping[str, int], url: str) -> None:
    found = count_rows(url)
    different = [
        f"{table}: {found.get(table, 0)} of {rows}"
        for table, rows in expected.items()
        if table not in _ENDED_BY_RESTORE and found.get(table) != rows
    ]
    told = (
        "; ".join(different)
        or f"{sum(expected.values()):,} in {len(expected)} tables, as backed up"
    )
    report.note("rows", not different, told)


@contextmanager
def _running(settings: Settings, environ: Mapping[str, str]) -> Iterator[str]:
    """Web, relay and those that react, on the restored data; no worker, for nothing may be run again."""
    told = _environment(settings, environ)
    with (settings.data / "log").open("wb") as log, ExitStack() as stack:
        for module in ("web", "utility"):
            process = subprocess.Popen(
                [sys.executable, "-m", module], env=told, stdout=log, stderr=log
            )
            stack.callback(_end, process)
        base = f"http://127.0.0.1:{settings.port}"
        if not _until(lambda: _ready(base), _READY_SECONDS):
            tail = (settings.data / "log").read_text()[-2000:]
            raise BackupError(f"The restored platform does not answer; its log ends with: {tail}")
        yield base


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _ready(base: str) -> bool:
    try:
        return httpx.get(f"{base}/readyz", timeout=3, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _until(happened: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def _ask(report: Report, settings: Settings, base: str) -> None:
    """Web serves a page, and the bytes of the newest output that a run has kept."""
    page = httpx.get(f"{base}/sign-in", timeout=10, trust_env=False)
    report.note("page", page.status_code == 200, f"the sign-in page answers {page.status_code}")
    engine = create_engine(settings.database_url)
    try:
        with Session(engine) as session:
            newest = session.execute(
                select(Output.key, Output.sha256, Output.path)
                .join(Run, Run.id == Output.run_id)
                .order_by(Run.finished_at.desc(), Output.n)
                .limit(1)
            ).first()
    finally:
        engine.dispose()
    if newest is None:
        report.note("output", True, "the backup has no output yet: nothing to serve")
        return
    objects = open_objects(settings, settings.secret("signing-key"))
    answer = httpx.get(objects.presign_get(newest.key, seconds=60), timeout=120, trust_env=False)
    same = answer.status_code == 200 and hashlib.sha256(answer.content).hexdigest() == newest.sha256
    told = "served, with the recorded digest" if same else f"answer {answer.status_code}"
    report.note("output", same, f"{newest.path}: {told}")


def _nothing_is_told_again(report: Report, settings: Settings) -> None:
    """Every event that was on its way has gone through, and no mail came of it."""
    engine = create_engine(settings.database_url)
    bus = open_bus(settings.bus_url, settings.data)
    reacting = [queue for queue in QUEUES if queue in ("archiver", "notifier")]

    def quiet() -> bool:
        with Session(engine) as session:
            waiting = session.scalar(
                select(func.count()).select_from(Outbox).where(Outbox.published_at.is_(None))
            )
        return not waiting and not any(bus.depth(queue) for queue in reacting)

    try:
        settled = _until(quiet, _QUIET_SECONDS)
    finally:
        bus.close()
        engine.dispose()
    report.note(
        "events", settled, "outbox and queues are empty" if settled else "still on their way"
    )
    folder = settings.data / "mail"
    mails = len(list(folder.glob("*.eml"))) if folder.is_dir() else 0
    report.note("mail", mails == 0, "nothing was mailed again" if not mails else f"{mails} mails")
