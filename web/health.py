"""Is the process alive, can it work, and what has it done."""

import ipaddress
import re
import secrets
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, jsonify, request
from sqlalchemy import text

import shared
from web import auth
from web.metrics import Metrics
from web.ports import WebPorts
from web.refusals import Absent

_REVISION = re.compile(r"^(revision|down_revision)\b[^=]*=\s*(?:\"([^\"]*)\"|None)", re.MULTILINE)


def blueprint(metrics: Metrics) -> Blueprint:
    """`/healthz`, `/readyz` and `/metrics`."""
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    def alive() -> Response:
        return jsonify({"status": "ok"})

    @routes.get("/readyz")
    def ready() -> tuple[Response, int]:
        checks = {name: _outcome(check, auth.ports()) for name, check in _CHECKS.items()}
        good = all(found == "ok" for found in checks.values())
        return jsonify({"status": "ok" if good else "failing", "checks": checks}), (
            200 if good else 503
        )

    @routes.get("/metrics")
    def figures() -> Response:
        viewer = None if _is_local() else auth.viewer()
        if not _is_local() and (viewer is None or not viewer.is_admin):
            raise Absent("There is nothing here.")
        return Response(metrics.text(), mimetype="text/plain; version=0.0.4")

    return routes


def _is_local() -> bool:
    """Asked by a program of this machine; others send an administrator's token."""
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _outcome(check: Callable[[WebPorts], str], ports: WebPorts) -> str:
    try:
        return check(ports)
    except Exception as error:
        told = error.strerror if isinstance(error, OSError) else None  # a full disk says so
        return f"failing: {told or type(error).__name__}"


def _database(ports: WebPorts) -> str:
    with ports.transactions.read() as session:
        at = session.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    return "ok" if set(at) == expected_revisions() else "failing: the schema is not migrated"


@cache
def expected_revisions() -> frozenset[str]:
    """The newest migrations of this code, read without loading the migration tool."""
    revisions: set[str] = set()
    below: set[str] = set()
    folder = Path(shared.__file__).parent / "migrations" / "versions"
    for path in folder.glob("*.py"):
        for kind, revision in _REVISION.findall(path.read_text()):
            (revisions if kind == "revision" else below).add(revision)
    return frozenset(revisions - below)


def _objects(ports: WebPorts) -> str:
    key = f"health/{secrets.token_hex(8)}"
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"ready?")
        file.flush()
        ports.objects.put(key, Path(file.name))
    ports.objects.delete(key)
    return "ok"


_CHECKS: dict[str, Callable[[WebPorts], str]] = {"database": _database, "objects": _objects}
