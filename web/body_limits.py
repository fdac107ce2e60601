"""How large a request's body may be, by where it goes; larger ones are cut off while they arrive."""

from flask import Flask, request

from web import auth
from web.limits import limits_of
from web.refusals import Unauthenticated

_SMALL = 1 << 20
_FROM_WORKERS = 16 << 20
"""A report may name ten thousand outputs."""
_FROM_GIT_HOSTS = 5 << 20
"""A push names at most 2,048 commits with their files (GitHub's webhook documentation)."""


def install(app: Flask) -> None:
    """Set the bound before anything reads the body."""

    @app.before_request
    def bound() -> None:
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            request.max_content_length = limit()


def limit() -> int | None:
    """The bound in bytes of this request; object URLs have their own exact one."""
    if request.path.startswith("/objects/"):
        return None
    if request.path.startswith("/api/v1/worker/"):
        return _FROM_WORKERS
    if request.path.startswith("/api/v1/hooks/"):
        return _FROM_GIT_HOSTS
    upload = request.path == "/api/v1/files" or (
        not request.path.startswith("/api/") and request.mimetype == "multipart/form-data"
    )
    return _SMALL + _inputs() if upload else _SMALL


def _inputs() -> int:
    try:
        viewer = auth.viewer()
    except Unauthenticated:
        return 0
    return limits_of(viewer.plan, auth.ports().plans).input_bytes if viewer else 0
