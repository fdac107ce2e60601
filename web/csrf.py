"""Unsafe requests that a cookie could authenticate must prove that our own page sent them.

Two proofs are asked for: the `Origin` (or `Sec-Fetch-Site`) is ours, and a token that is bound to
the session (or, before sign-in, to a cookie of its own) comes in the form field `csrf_token` or the
header `X-CSRF-Token`. Calls with a bearer token, and API calls without any session cookie, carry no
ambient authority and need neither; object URLs carry their own signature.
"""

import hashlib
import hmac
import ipaddress
import secrets
from urllib.parse import urlsplit

from flask import Flask, Response, g, request

from web import auth
from web.refusals import Refused

_SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}
FIELD, HEADER = "csrf_token", "X-CSRF-Token"


class CrossSite(Refused):
    status, code = 403, "csrf"


def token() -> str:
    """The token for this browser's forms; templates call it as `csrf_token()`."""
    secret = auth.session_secret()
    if not secret:
        secret = request.cookies.get(auth.cookie_name("visitor"), "") or _new_visitor()
    return _sign(secret)


def install(app: Flask) -> None:
    """Check every request before its view, and give visitors their cookie."""
    app.jinja_env.globals["csrf_token"] = token

    @app.before_request
    def check() -> None:
        if needs_check():
            _check_origin()
            _check_token()

    @app.after_request
    def remember_visitor(response: Response) -> Response:
        if visitor := g.pop("new_visitor", None):
            auth._set(response, auth.cookie_name("visitor"), visitor, 1)
        return response


def needs_check() -> bool:
    """Whether this request could be authenticated by what a browser sends by itself."""
    if request.method in _SAFE or auth.bearer() is not None:
        return False
    if request.path.startswith("/objects/"):
        return False
    return not request.path.startswith("/api/") or bool(auth.session_secret())


def _check_origin() -> None:
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise CrossSite("This request came from another site and was refused.")
    origin = request.headers.get("Origin")
    if origin is None:
        return
    ours = {_origin(auth.ports().settings.url)}
    if _is_nobodys_to_point(request.host):
        ours.add(_origin(request.host_url))
    if _origin(origin) not in ours:
        raise CrossSite(
            "This request came from another site and was refused. If this page's address is the "
            "one that people use, the operator has to set it as TOOLYARD_URL."
        )


def _is_nobodys_to_point(host: str) -> bool:
    """Whether no stranger can make this name lead here: an address, or a name without a dot.

    Any other name but our own may be a stranger's, whose page would be of the same origin (DNS
    rebinding).
    """
    name = urlsplit(f"//{host}").hostname or ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." not in name
    return True


def _check_token() -> None:
    secret = auth.session_secret() or request.cookies.get(auth.cookie_name("visitor"), "")
    given = request.headers.get(HEADER) or request.form.get(FIELD, "")
    if not secret or not hmac.compare_digest(_sign(secret).encode(), given.encode()):
        raise CrossSite("This form is too old. Reload the page and send it again.")


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:  # no address at all, like http://[::
        return "", ""
    return parts.scheme, parts.netloc


def _sign(secret: str) -> str:
    key = auth.ports().session_key.encode()
    return hmac.new(key, b"csrf:" + secret.encode(), hashlib.sha256).hexdigest()


def _new_visitor() -> str:
    if "new_visitor" not in g:
        g.new_visitor = secrets.token_urlsafe(24)
    visitor: str = g.new_visitor
    return visitor
