"""A builder or runner for tests: speaks the worker API of a real Flask application."""

import base64
import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests import factories
from web import problems
from web.api import worker
from web.leases import LeaseTimes
from web.limits import PLANS, Plans
from web.objects_route import make_blueprint as objects_blueprint
from web.ports import WebPorts

TIMES = LeaseTimes(lease_seconds=45, heartbeat_seconds=10)
IDENTITY = "i" * 64


def make_app(
    ports: WebPorts,
    *,
    times: LeaseTimes = TIMES,
    plans: Plans = PLANS,
    directive_poll_seconds: float | None = None,
) -> Flask:
    """The worker API and the signed object URLs alone."""
    app = Flask("worker-api")
    problems.install(app)
    app.register_blueprint(
        worker.make_blueprint(
            ports, times=times, plans=plans, directive_poll_seconds=directive_poll_seconds
        )
    )
    app.register_blueprint(objects_blueprint(ports.uploads))  # type: ignore[arg-type]
    return app


class Held:
    """One job under one lease."""

    def __init__(self, client: FlaskClient, given: dict[str, Any]) -> None:
        self.client, self.given = client, given
        self.id, self.fence, self.token = given["id"], given["fence"], given["token"]
        self.kind = given["kind"]

    def post(self, what: str, **body: Any) -> TestResponse:
        return self.client.post(
            f"/api/v1/worker/{self.kind}s/{self.id}/{what}",
            json={"fence": self.fence, **body},
            headers={"Authorization": f"Bearer {self.token}"},
        )

    def heartbeat(self) -> str:
        answer = self.post("heartbeat")
        assert answer.status_code == 200, answer.text
        return str(answer.json["directive"])  # type: ignore[index]

    def phase(self, phase: str, detail: str = "") -> TestResponse:
        return self.post("phase", phase=phase, detail=detail)

    def log(self, offset: int, data: bytes, stream: str = "stdout") -> TestResponse:
        return self.client.post(
            f"/api/v1/worker/{self.kind}s/{self.id}/log",
            query_string={"fence": self.fence, "stream": stream, "offset": offset},
            data=data,
            headers={"Authorization": f"Bearer {self.token}"},
        )

    def upload(self, name: str, data: bytes) -> str:
        """Store an object of this attempt; its key."""
        sha256 = hashlib.sha256(data).hexdigest()
        answer = self.post("uploads", objects=[{"name": name, "size": len(data), "sha256": sha256}])
        assert answer.status_code == 200, answer.text
        targets: Any = answer.json
        url = urlsplit(targets["urls"][name])
        put = self.client.put(f"{url.path}?{url.query}", data=data)
        assert put.status_code == 204, put.text
        return str(targets["keys"][name])

    def results(
        self,
        stdout: bytes = b"",
        stderr: bytes = b"",
        *,
        order: bytes | None = None,
        **files: bytes,
    ) -> dict[str, Any]:
        """Upload everything, the manifest too, as an older worker does; what a report says of it."""
        manifest = _manifest(self.upload, stdout, stderr, files)
        if order is not None:
            manifest["order"] = self.upload("order", order)
        return {"manifest": manifest, "manifest_key": self.upload("manifest", b"{}")}

    def brought(
        self, stdout: bytes = b"", stderr: bytes = b"", **files: bytes
    ) -> dict[str, dict[str, Any]]:
        """A report that has everything with it."""
        contents: dict[str, str] = {}

        def bring(name: str, data: bytes) -> str:
            contents[name] = base64.b64encode(data).decode()
            return f"{self.given['prefix']}{name}"

        return {"manifest": _manifest(bring, stdout, stderr, files), "contents": contents}

    def finish(self, state: str = "succeeded", **report: Any) -> TestResponse:
        if self.kind == "run":
            report = {"exit_code": 0, "seconds": 1.5, **report}
        return self.post("finish", state=state, **report)

    def release(self, reason: str = "draining", *, costs_attempt: bool = False) -> TestResponse:
        return self.post("release", reason=reason, costs_attempt=costs_attempt)


def _manifest(
    store: Callable[[str, bytes], str], stdout: bytes, stderr: bytes, files: dict[str, bytes]
) -> dict[str, Any]:
    def facts(name: str, data: bytes) -> dict[str, Any]:
        sha256 = hashlib.sha256(data).hexdigest()
        return {"size": len(data), "sha256": sha256, "key": store(name, data)}

    return {
        "stdout": {"kept": len(stdout), **facts("stdout", stdout)},
        "stderr": {"kept": len(stderr), **facts("stderr", stderr)},
        "outputs": [
            {"path": path, **facts(f"o/{n}", data)} for n, (path, data) in enumerate(files.items())
        ],
        "skipped": [],
    }


class Worker:
    """A host that claims jobs."""

    def __init__(self, client: FlaskClient, token: str, name: str = "host:boot") -> None:
        self.client, self.token, self.name = client, token, name

    def ask(self, kind: str, job_id: str) -> TestResponse:
        return self.client.post(
            "/api/v1/worker/claims",
            json={"kind": kind, "id": job_id, "worker": self.name},
            headers={"Authorization": f"Bearer {self.token}"},
        )

    def claim(self, kind: str, job_id: str) -> Held:
        answer = self.ask(kind, job_id)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        given: Any = answer.json
        return Held(self.client, given)

    def directives(self, wait: float = 0) -> list[dict[str, Any]]:
        answer = self.client.get(
            "/api/v1/worker/directives",
            query_string={"worker": self.name, "wait": wait},
            headers={"Authorization": f"Bearer {self.token}"},
        )
        assert answer.status_code == 200, answer.text
        items: Any = answer.json
        return list(items["items"])


def build_report(**changes: Any) -> dict[str, Any]:
    """A success as a builder reports it."""
    return {
        "commit": factories.COMMIT,
        "identity": IDENTITY,
        "image": factories.IMAGE,
        "image_bytes": 1000,
        "plan": factories.plan().model_dump(mode="json"),
        "plans_tried": [{"plan": factories.plan().model_dump(mode="json"), "reason": ""}],
        "commands": [command.model_dump(mode="json") for command in factories.COMMANDS],
        "description": "Counts words",
        "readme": "# wc",
        "licence": "MIT",
        "source_key": None,
        **changes,
    }
