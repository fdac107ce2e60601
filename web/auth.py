"""Who makes this request: a session cookie or a bearer token; and the cookies' names and flags."""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

from flask import Flask, Response, current_app, g, request

from shared.schema.accounts import Account
from web import sessions, tokens
from web.ports import WebPorts
from web.refusals import Unauthenticated
from web.sign_in import Caller

_DEVICE_DAYS = 365


@dataclass(frozen=True)
class Principal:
    """Who acts, and by what proof."""

    account: Account
    via: Literal["session", "token"]


def install(app: Flask, ports: WebPorts) -> None:
    """Let `current`, `required` and the cookies find the ports of this application."""
    app.extensions["toolyard"] = ports


def ports() -> WebPorts:
    """The ports of the application that handles this request."""
    return cast(WebPorts, current_app.extensions["toolyard"])


def bearer() -> str | None:
    """The token of the `Authorization` header, "" where the header has another form."""
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, value = header.partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def current() -> Principal | None:
    """Who makes this request, or None; a wrong bearer token is refused, never ignored."""
    if "principal" not in g:
        g.principal = _find()
    return cast(Principal | None, g.principal)


def required() -> Principal:
    """Who makes this request; refused with 401 where nobody is signed in."""
    found = current()
    if found is None:
        raise Unauthenticated("Sign in first, or send an API token as a bearer.")
    return found


def viewer() -> Account | None:
    """The account that asks, for questions of access, or None."""
    found = current()
    return found.account if found else None


def _find() -> Principal | None:
    return proven(ports(), bearer(), session_secret())


def proven(ports: WebPorts, token: str | None, secret: str) -> Principal | None:
    """Whose token or session secret this is now; where a token was sent, nothing else counts."""
    if token is not None:
        with ports.transactions.read() as session:
            account = tokens.account_of(session, token) if token else None
        if account is None:
            raise Unauthenticated("This API token is unknown, expired or revoked.")
        return Principal(account, "token")
    if not secret:
        return None
    with ports.transactions.read() as session:
        account = sessions.account_of(session, secret)
    return Principal(account, "session") if account else None


def asked_again() -> Callable[[], Account | None]:
    """Asks later, outside this request, whom its proof stands for then; for long answers."""
    asked, token, secret = ports(), bearer(), session_secret()

    def ask() -> Account | None:
        try:
            found = proven(asked, token, secret)
        except Unauthenticated:
            return None
        return found.account if found else None

    return ask


def cookie_name(kind: str = "") -> str:
    """`__Host-toolyard…` where people come by https, `toolyard…` else."""
    name = "toolyard" + (f"_{kind}" if kind else "")
    if ports().settings.https:
        return "__Host-" + name
    return name if kind else name + "_session"


def session_secret() -> str:
    """The secret in this request's session cookie, or ""."""
    return request.cookies.get(cookie_name(), "")


def signed_in(response: Response, secret: str, email: str) -> None:
    """Give the browser its new session, and the mark of a device that knows this account."""
    old = session_secret()
    if old:
        with ports().transactions.begin() as session:
            sessions.revoke(session, old)
    _set(response, cookie_name(), secret, ports().settings.session_days)
    nonce = secrets.token_urlsafe(16)
    _set(response, cookie_name("device"), f"{nonce}.{_device_mark(nonce, email)}", _DEVICE_DAYS)


def signed_out(response: Response) -> None:
    """End this browser's session on both sides."""
    old = session_secret()
    if old:
        with ports().transactions.begin() as session:
            sessions.revoke(session, old)
    response.delete_cookie(
        cookie_name(), path="/", secure=ports().settings.https, httponly=True, samesite="Lax"
    )


def caller(email: str) -> Caller:
    """Where a sign-in to this account comes from."""
    nonce, _, mark = request.cookies.get(cookie_name("device"), "").partition(".")
    known = bool(nonce) and hmac.compare_digest(mark.encode(), _device_mark(nonce, email).encode())
    return Caller(
        address=request.remote_addr or "",
        user_agent=request.headers.get("User-Agent", ""),
        device=nonce if known else None,
    )


def _device_mark(nonce: str, email: str) -> str:
    text = f"device:{nonce}:{email.strip().lower()}".encode()
    return hmac.new(ports().session_key.encode(), text, hashlib.sha256).hexdigest()


def _set(response: Response, name: str, value: str, days: int) -> None:
    response.set_cookie(
        name,
        value,
        max_age=days * 86_400,
        path="/",
        secure=ports().settings.https,
        httponly=True,
        samesite="Lax",
    )
