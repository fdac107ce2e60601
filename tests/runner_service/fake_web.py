"""The worker API and an object store for one worker's tests, in memory behind a real HTTP server."""

import hashlib
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from shared.ids import new_id
from shared.plan import Network
from shared.work import SMALL_BYTES, InputFile, Limits, RunAssignment, RunReport
from tests.runner_service.small_server import (
    Answer,
    Asked,
    SmallServer,
    answer_error,
    answer_json,
)


@dataclass
class WebRun:
    assignment: RunAssignment
    state: str = "queued"
    phases: list[str] = field(default_factory=list)
    logs: dict[str, bytes] = field(default_factory=lambda: {"stdout": b"", "stderr": b""})
    cancel: bool = False
    report: RunReport | None = None
    releases: list[dict[str, Any]] = field(default_factory=list)
    claims: int = 0
    heartbeats: int = 0


class FakeWeb:
    """Fenced like the real one; `down` makes every answer a 503."""

    def __init__(self) -> None:
        self.runs: dict[str, WebRun] = {}
        self.objects: dict[str, bytes] = {}
        self.files: dict[str, bytes] = {}
        self.down = False
        self.refuse_claims = 0
        self._changed = threading.Condition()
        self.server = SmallServer(self._answer)
        self.url = self.server.url

    def close(self) -> None:
        self.server.close()

    def file(self, name: str, data: bytes) -> InputFile:
        self.files[name] = data
        return InputFile(
            name=name,
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            url=f"{self.url}/files/{len(self.files) - 1}",
        )

    def request(self, argv: list[str], **changes: Any) -> WebRun:
        number = len(self.runs) + 1
        values: dict[str, Any] = {
            "id": f"run_{number}",
            "fence": 0,
            "attempt": "none",
            "prefix": "none",
            "token": "none",
            "lease_seconds": 5.0,
            "heartbeat_seconds": 0.1,
            "account": "acc_1",
            "image": "sha256:image",
            "argv": argv,
            "network": Network(),
            "limits": Limits(wall_seconds=60),
            "report_bytes": SMALL_BYTES,
        }
        run = WebRun(RunAssignment(**(values | changes)))
        self.runs[run.assignment.id] = run
        return run

    def requeue(self, run: WebRun) -> None:
        """What the reaper does to an expired lease."""
        run.state = "queued"

    def cancel(self, run: WebRun) -> None:
        with self._changed:
            run.cancel = True
            self._changed.notify_all()

    def wait(self, run: WebRun, seconds: float = 20.0) -> WebRun:
        """Until the run has an end or was released."""
        with self._changed:
            assert self._changed.wait_for(lambda: run.report or run.releases, seconds), run
        return run

    def wait_for(self, run: WebRun, phase: str, seconds: float = 20.0) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: phase in run.phases, seconds), run

    def _answer(self, asked: Asked) -> Answer:
        if self.down:
            return Answer(503)
        split = urlsplit(asked.path)
        where = split.path
        if where.startswith("/files/"):
            return Answer(200, list(self.files.values())[int(where.split("/")[-1])])
        if where.startswith("/objects/"):
            return self._put(where.removeprefix("/objects/"), asked)
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        parts = where.removeprefix("/api/v1/worker/").split("/")
        with self._changed:
            try:
                if parts == ["claims"]:
                    return self._claim(asked.json()["id"])
                if parts == ["directives"]:
                    return self._directives(float(query["wait"]))
                return self._leased(self.runs[parts[1]], parts[2], asked, query)
            finally:
                self._changed.notify_all()

    def _claim(self, run_id: str) -> Answer:
        if self.refuse_claims:
            return answer_error(self.refuse_claims, "refused")
        run = self.runs[run_id]
        if run.state != "queued":
            return Answer(204)
        run.state, run.claims = "leased", run.claims + 1
        fence, attempt = run.assignment.fence + 1, new_id("att")
        prefix = f"runs/{run.assignment.id}/{attempt}/"
        run.logs = {"stdout": b"", "stderr": b""}
        run.assignment = run.assignment.model_copy(
            update={"fence": fence, "attempt": attempt, "token": f"t{fence}", "prefix": prefix}
        )
        return answer_json(run.assignment.model_dump(mode="json"))

    def _directives(self, wait: float) -> Answer:
        until = time.monotonic() + min(wait, 1.0)

        def items() -> list[dict[str, Any]]:
            return [
                {
                    "kind": "run",
                    "id": r.assignment.id,
                    "fence": r.assignment.fence,
                    "directive": "cancel",
                }
                for r in self.runs.values()
                if r.cancel and r.state == "leased"
            ]

        while not items() and time.monotonic() < until:
            self._changed.wait(0.05)
        return answer_json({"items": items()})

    def _leased(self, run: WebRun, what: str, asked: Asked, query: dict[str, str]) -> Answer:
        fence = int(query["fence"]) if what == "log" else asked.json()["fence"]
        token = asked.headers["Authorization"].removeprefix("Bearer ")
        ours = (fence, token) == (run.assignment.fence, run.assignment.token)
        if what == "finish" and ours and run.report == RunReport.model_validate_json(asked.body):
            return Answer(204)
        if not ours or run.state != "leased":
            if what == "heartbeat":
                return answer_json({"directive": "lost"})
            return answer_error(409, "lost")
        if what == "heartbeat":
            run.heartbeats += 1
            return answer_json({"directive": "cancel" if run.cancel else "continue"})
        if what == "phase":
            run.phases.append(asked.json()["phase"])
            return Answer(204)
        if what == "log":
            return self._log(run, query, asked.body)
        if what == "uploads":
            names = [o["name"] for o in asked.json()["objects"]]
            keys = {n: run.assignment.prefix + n for n in names}
            urls = {n: f"{self.url}/objects/{k}" for n, k in keys.items()}
            return answer_json({"urls": urls, "keys": keys})
        if what == "release":
            run.releases.append(asked.json())
            run.state = "released"
            return Answer(204)
        run.report = RunReport.model_validate_json(asked.body)
        run.phases += [past.phase for past in run.report.untold]
        self.objects |= {run.assignment.prefix + n: d for n, d in run.report.contents.items()}
        manifest = run.report.manifest
        if manifest is not None:  # readers are given the whole streams now
            for stream, kept in (("stdout", manifest.stdout), ("stderr", manifest.stderr)):
                whole = self.objects.get(kept.key or "", b"")
                if whole.startswith(run.logs[stream]):
                    run.logs[stream] = whole
        run.state = run.report.state
        return Answer(204)

    def _log(self, run: WebRun, query: dict[str, str], data: bytes) -> Answer:
        have, offset = run.logs[query["stream"]], int(query["offset"])
        if offset > len(have):
            return answer_error(409, "offset", next=len(have))
        run.logs[query["stream"]] = have + data[len(have) - offset :]
        return answer_json({"next": len(run.logs[query["stream"]])})

    def _put(self, key: str, asked: Asked) -> Answer:
        if key in self.objects and self.objects[key] != asked.body:
            return answer_error(409, "exists")
        self.objects[key] = asked.body
        return Answer(204)
