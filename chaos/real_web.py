"""Web's real worker API, relay and reaper on a database of their own, with short leases and an off switch."""

import hashlib
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flask import Flask, Response
from sqlalchemy import func, select
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from shared import doorbell
from shared.bus_open import open_bus
from shared.clock import SystemClock
from shared.db import Transactions
from shared.ids import new_id
from shared.migrate import migrate
from shared.objects_disk import DiskObjects
from shared.plan import Command, Network, Plan
from shared.schema.accounts import Account
from shared.schema.messages import Outbox
from shared.schema.runs import File, JobEvent, Run
from shared.schema.tools import Image, Tool, Version
from shared.uploads_disk import DiskUploads
from shared.work import Limits
from web import jobs, objects_route, problems, request_log
from web.api import worker
from web.bell import Bell
from web.cancel import cancel_run
from web.cancel import topics as cancel_topics
from web.leases import LeaseTimes
from web.limits import PlanLimits
from web.metrics import Metrics
from web.ports import WebPorts
from web.reaper import Reaper
from web.relay import Relay
from web.request_run import InputChoice, RunRequest, request_run
from web.seals import Seals
from web.settings import WebSettings


class _Quiet(WSGIRequestHandler):
    """Keeps connections, as gunicorn does, and prints nothing."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:
        pass


class RealWeb:
    """Serves one installation in `data`; `serve` and `go_away` may alternate."""

    def __init__(
        self,
        data: Path,
        image: str,
        command: Sequence[str],
        *,
        times: LeaseTimes,
        limits: Limits | None = None,
    ) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self.data = data
        self._times = times
        self._plans = {"free": PlanLimits(run=limits or Limits(), running=1000, queued=10_000)}
        self._port = 0
        self._serving: tuple[threading.Thread, BaseWSGIServer] | None = None
        database = f"sqlite:///{data}/toolyard.db"
        migrate(database)
        self.transactions = Transactions(database)
        self.bus = open_bus(f"sqlite:///{data}/bus.db", data)
        self.serve()
        self._settings = WebSettings.read({"TOOLYARD_DATA": str(data), "TOOLYARD_URL": self.url})
        self._threads: list[threading.Thread] = []
        self._background()
        self._account, self._version = self._tool(image, list(command))

    # --- the server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def serve(self) -> None:
        """Answer from now on, always at the same address."""
        server = make_server(
            "127.0.0.1", self._port, self._late_app, threaded=True, request_handler=_Quiet
        )
        self._port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        self._serving = (thread, server)

    def go_away(self) -> None:
        """Refuse connections; what is being answered is answered."""
        if self._serving:
            thread, server = self._serving
            self._serving = None
            server.shutdown()
            server.server_close()
            thread.join()

    def _late_app(self, environ: Any, start: Any) -> Any:
        return self._app(environ, start)

    def _background(self) -> None:
        objects = DiskObjects(self.data / "objects", "signing-key", self.url)
        uploads = DiskUploads(objects)
        self.objects = objects
        ports = WebPorts(
            transactions=self.transactions,
            objects=objects,
            uploads=uploads,
            settings=self._settings,
            ring=lambda name: doorbell.ring(doorbell.folder_of(self.data), name),
            bell=Bell(),
            clock=SystemClock(),
            worker_token=self._settings.secret("worker-token"),
            signing_key="signing-key",
            session_key="session-key",
            seals=Seals(self._settings.secret("sealing-key")),
        )
        self._ports = ports
        app = Flask("web")
        request_log.install(app, Metrics(ports.transactions))
        problems.install(app)
        app.register_blueprint(worker.make_blueprint(ports, times=self._times, plans=self._plans))
        app.register_blueprint(objects_route.make_blueprint(uploads))
        app.add_url_rule("/healthz", view_func=lambda: Response(status=200), endpoint="healthz")
        self._app = app
        self._relay = Relay(self.transactions, self.bus, self.data)
        self._reaper = Reaper(
            self.transactions,
            probe=lambda: self._serving is not None,
            ring=ports.ring,
            times=self._times,
            period=0.5,
            announce_after=15.0,
        )
        for loop in (self._relay.run, self._reaper.run):
            thread = threading.Thread(target=loop, daemon=True)
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        self._relay.stop()
        self._reaper.stop()
        self._ports.ring("relay")
        for thread in self._threads:
            thread.join(10)
        self.go_away()
        self.bus.close()
        self.transactions.engine.dispose()

    # --- people's side

    def _tool(self, image: str, command: list[str]) -> tuple[str, str]:
        with self.transactions.begin() as session:
            now = jobs.clock(session)
            account = Account(id=new_id("acc"), email="a@example.org", plan="free", created_at=now)
            tool = Tool(
                id=new_id("tool"), account_id=account.id, name="tool", private=False, created_at=now
            )
            known = [Command(name="tool", run=command, evidence="given")]
            plan = Plan(runtime="shell", base="debian", commands=known)
            version = Version(
                id=new_id("ver"),
                tool_id=tool.id,
                number=1,
                link="https://example.org/tool",
                state="ready",
                reason="",
                identity=new_id("idn"),
                image=image,
                commit="0" * 40,
                ready_at=now,
                created_at=now,
                plan=plan.model_dump(mode="json"),
                commands=[c.model_dump(mode="json") for c in known],
            )
            for row in (account, tool, version):
                session.add(row)
                session.flush()
            session.add(
                Image(
                    identity=str(version.identity),
                    image=image,
                    size=1,
                    built_at=now,
                    last_used_at=now,
                )
            )
            return account.id, version.id

    def request(
        self,
        argv: Sequence[str],
        inputs: dict[str, bytes] | None = None,
        *,
        seconds: int | None = None,
        network: Network | None = None,
    ) -> str:
        """The id of an accepted run."""
        files = [self._upload(name, data) for name, data in (inputs or {}).items()]
        with self.transactions.begin() as session:
            version = session.get_one(Version, self._version)
            run = request_run(
                session,
                session.get_one(Account, self._account),
                session.get_one(Tool, version.tool_id),
                version,
                RunRequest(
                    argv=list(argv),
                    inputs=[InputChoice(file) for file in files],
                    timeout_seconds=seconds,
                    network=network,
                ),
                self._plans,
            )
            run_id = run.id
        self._ports.ring("relay")
        return run_id

    def _upload(self, name: str, data: bytes) -> str:
        file_id = new_id("file")
        path = self.data / file_id
        path.write_bytes(data)
        self.objects.put(f"files/{file_id}", path)
        path.unlink()
        with self.transactions.begin() as session:
            session.add(
                File(
                    id=file_id,
                    account_id=self._account,
                    name=name,
                    size=len(data),
                    sha256=hashlib.sha256(data).hexdigest(),
                    key=f"files/{file_id}",
                    created_at=jobs.clock(session),
                )
            )
        return file_id

    def cancel(self, run_id: str) -> None:
        with self.transactions.begin() as session:
            run = session.get_one(Run, run_id)
            job = cancel_run(session, session.get_one(Account, self._account), run)
            topics = cancel_topics(job)
        self._ports.bell.ring(*topics)

    def run(self, run_id: str) -> Run:
        with self.transactions.read() as session:
            run = session.get_one(Run, run_id)
            session.expunge(run)
            return run

    def wait(self, run_id: str, states: set[str], seconds: float = 60.0) -> Run:
        """Until the run is in one of these states."""
        until = time.monotonic() + seconds
        while (run := self.run(run_id)).state not in states:
            if time.monotonic() > until:
                raise TimeoutError(f"{run_id} is {run.state}: {run.reason}")
            time.sleep(0.02)
        return run

    def counts(self) -> dict[str, int]:
        """How many runs are in which state."""
        with self.transactions.read() as session:
            rows = session.execute(select(Run.state, func.count()).group_by(Run.state)).all()
            return {state: count for state, count in rows}

    def losses_of_unfinished(self) -> int:
        """The most workers that any run has lost which has not ended: a queued one may be held soon."""
        with self.transactions.read() as session:
            most = select(func.max(Run.infra_attempts)).where(Run.finished_at.is_(None))
            return session.scalar(most) or 0

    def unpublished(self) -> int:
        with self.transactions.read() as session:
            waiting = select(func.count()).select_from(Outbox).where(Outbox.published_at.is_(None))
            return session.scalar(waiting) or 0

    def terminal_events(self, run_id: str) -> int:
        with self.transactions.read() as session:
            found = select(func.count()).where(JobEvent.job_id == run_id, JobEvent.terminal)
            return session.scalar(found) or 0

    def object(self, key: str) -> bytes:
        with self.objects.open(key) as file:
            return file.read()
