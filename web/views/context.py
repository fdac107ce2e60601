"""What every template may use: who looks, what time it is, and how facts are put into words."""

import re
from urllib.parse import urlsplit

from flask import Flask, request
from werkzeug.exceptions import HTTPException

from shared.schema.accounts import Account
from web import auth
from web.ports import WebPorts
from web.refusals import Unauthenticated
from web.views import shown

_NEVER_SHOWN = {"csrf_token", "password", "present", "new", "next", "username"}


def install(app: Flask, ports: WebPorts) -> None:
    """Filters and variables for the templates."""
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    for name in (
        "ago",
        "size",
        "memory",
        "duration",
        "running",
        "span",
        "middle",
        "command_line",
        "sentence",
        "whole",
        "language",
    ):
        app.jinja_env.filters[name] = getattr(shown, name)
    app.jinja_env.filters["network"] = shown.network
    app.jinja_env.filters["short_link"] = shown.short_link
    app.jinja_env.filters["signal_name"] = shown.signal_name

    @app.context_processor
    def facts() -> dict[str, object]:
        return {
            "viewer": _viewer(),
            "now": ports.clock.now_ms(),
            "here": (request.blueprint or "") if request else "",
            "open_sign_up": ports.settings.open_sign_up,
            "typed": _typed(),
            "had_files": request.mimetype == "multipart/form-data",
        }


def _viewer() -> Account | None:
    try:
        return auth.viewer()
    except Unauthenticated:
        return None


def _typed() -> list[tuple[str, str]]:
    """The fields of a form that was sent: an error page gives them back, secrets excepted."""
    if request.method != "POST":
        return []
    try:
        fields = list(request.form.items(multi=True))
    except HTTPException:  # larger than allowed: it was never read
        return []
    secrets = any(name in ("password", "present", "new") for name, _ in fields)
    if secrets:
        return []
    return [(name, value) for name, value in fields if name not in _NEVER_SHOWN and value]


def safe_target(text: str) -> str:
    """A path of ours to go to after signing in; anything else becomes the start."""
    parts = urlsplit(text)
    ours = re.match(r"/(?![/\\])", text) and not parts.scheme and not parts.netloc
    return text if ours and text.isprintable() and "\\" not in text else "/tools"
