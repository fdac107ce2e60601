"""Sign up, in and out; and one's own account: tokens, browsers, password."""

import re
from typing import cast

from flask import (
    Blueprint,
    Response,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from sqlalchemy import select, update

from shared.db import now_ms
from shared.ids import digest
from shared.schema.accounts import Account, LoginSession
from shared.storage_credentials import KEPT_DAYS, Issued
from web import auth, mail_state, passwords, sessions, storage_access, tokens
from web import sign_in as use_case
from web.api.answers import hit
from web.refusals import Absent, Forbidden, Invalid, Refused
from web.views import forms
from web.views.context import safe_target

_BROWSERS = (
    (r"Edg/", "Edge"),
    (r"OPR/", "Opera"),
    (r"Firefox/", "Firefox"),
    (r"Chrome/|Chromium/", "Chrome"),
    (r"Safari/", "Safari"),
)
_SYSTEMS = (
    (r"Android", "Android"),
    (r"iPhone|iPad", "iOS"),
    (r"Windows", "Windows"),
    (r"Mac OS X", "macOS"),
    (r"Linux", "Linux"),
)


def blueprint() -> Blueprint:
    """The account pages."""
    routes = Blueprint("accounts", __name__)
    _signing(routes)
    _own(routes)
    return routes


def _signing(routes: Blueprint) -> None:
    @routes.route("/sign-in", methods=["GET", "POST"])
    def sign_in() -> Response:
        target = safe_target(request.values.get("next", ""))
        if request.method == "GET":
            if auth.viewer():
                return _to(target)
            return make_response(render_template("sign_in.html", target=target, email=""))
        email = forms.text("email")
        ports = auth.ports()
        try:
            secret = use_case.sign_in(
                ports.transactions,
                email,
                request.form.get("password", ""),
                auth.caller(email),
                days=ports.settings.session_days,
            )
        except Refused as error:
            return forms.refused(error, "sign_in.html", target=target, email=email)
        response = _to(target)
        auth.signed_in(response, secret, email)
        return response

    @routes.route("/sign-up", methods=["GET", "POST"])
    def sign_up() -> Response:
        target = safe_target(request.values.get("next", ""))
        facts = {"target": target, "least": passwords.SHORTEST}
        if request.method == "GET":
            if auth.viewer():
                return _to(target)
            return make_response(render_template("sign_up.html", email="", **facts))
        email = forms.text("email")
        ports = auth.ports()
        try:
            if not ports.settings.open_sign_up:
                raise Forbidden("Sign-up is closed on this installation. Ask its operator.")
            hit("sign-up")
            secret = use_case.sign_up(
                ports.transactions,
                email,
                request.form.get("password", ""),
                auth.caller(email),
                days=ports.settings.session_days,
            )
        except use_case.WrongPassword as error:
            known = Refused(
                "That did not work. If you have an account already, sign in instead.",
                status=error.status,
            )
            return forms.refused(known, "sign_up.html", email=email, **facts)
        except Refused as error:
            return forms.refused(error, "sign_up.html", email=email, **facts)
        response = _to(target)
        auth.signed_in(response, secret, email)
        return response

    @routes.post("/sign-out")
    def sign_out() -> Response:
        response = _to(url_for("tools.landing"))
        auth.signed_out(response)
        return response


def _own(routes: Blueprint) -> None:
    @routes.get("/account")
    def account() -> Response:
        said = "The password is changed." if request.args.get("said") == "password" else ""
        return page(said=said)

    @routes.post("/account/tokens")
    def make_token() -> Response:
        owner = auth.required().account
        name = forms.text("name")[:100]
        try:
            if not name:
                raise Invalid("Give the token a name that says what it is for.")
            days = forms.whole_number("days", "The days") or auth.ports().settings.token_days
            if not 1 <= days <= tokens.MAX_DAYS:
                raise Invalid(f"A token lasts between 1 and {tokens.MAX_DAYS} days.")
        except Refused as error:
            return page(error.status, token_fault=error.message, token_name=name)
        with auth.ports().transactions.begin() as session:
            _, secret = tokens.issue(session, owner.id, name=name, days=days)
        return page(201, secret=secret)

    @routes.post("/account/tokens/<token_id>/revoke")
    def revoke_token(token_id: str) -> Response:
        owner = auth.required().account
        with auth.ports().transactions.begin() as session:
            if not tokens.revoke(session, owner.id, token_id):
                raise Absent("You have no such token.")
        return _to(url_for("accounts.account", _anchor="tokens"))

    @routes.post("/account/sessions/<mark>/revoke")
    def revoke_session(mark: str) -> Response:
        owner = auth.required().account
        with auth.ports().transactions.begin() as session:
            found = [row for row in _sessions_of(session, owner.id) if _mark(row) == mark]
            if not found:
                raise Absent("That browser is signed out already.")
            session.execute(
                update(LoginSession)
                .where(LoginSession.digest == found[0].digest)
                .values(revoked_at=now_ms())
            )
        return _to(url_for("accounts.account"))

    @routes.post("/account/password")
    def change_password() -> Response:
        owner = auth.required().account
        ports = auth.ports()
        new = request.form.get("new", "")
        try:
            passwords.check(new, owner.email)
            use_case.account_by_password(
                ports.transactions,
                owner.email,
                request.form.get("present", ""),
                auth.caller(owner.email),
            )
        except use_case.WrongPassword as error:
            return page(error.status, new_fault="The present password is wrong.")
        except Refused as error:
            return page(error.status, new_fault=error.message)
        kept = passwords.hash_of(new)
        with ports.transactions.begin() as session:
            row = session.get_one(Account, owner.id)
            row.password_hash = kept
            sessions.revoke_all(session, owner.id)
            secret = sessions.open_session(
                session,
                row,
                days=ports.settings.session_days,
                user_agent=request.headers.get("User-Agent", ""),
            )
        response = _to(url_for("accounts.account", said="password"))
        auth.signed_in(response, secret, owner.email)
        return response


def page(
    status: int = 200,
    *,
    said: str = "",
    secret: str = "",
    token_fault: str = "",
    token_name: str = "",
    new_fault: str = "",
    storage_fault: str = "",
    storage_issued: Issued | None = None,
) -> Response:
    """The account page, with what has just been made or refused on it."""
    owner = auth.required().account
    ports = auth.ports()
    here = digest(auth.session_secret())
    with ports.transactions.read() as session:
        kept = tokens.of_account(session, owner.id)
        storage = storage_access.of_account(session, owner.id)
        mail_fault = mail_state.sentence(session, owner.email)
        rows = [
            {
                "browser": browser(row.user_agent),
                "user_agent": row.user_agent,
                "created_at": row.created_at,
                "here": row.digest == here,
                "mark": _mark(row),
            }
            for row in _sessions_of(session, owner.id)
        ]
    html = render_template(
        "account.html",
        mail_fault=mail_fault,
        tokens=kept,
        sessions=rows,
        said=said,
        secret=secret,
        token_fault=token_fault,
        token_name=token_name,
        password_fault=new_fault,
        storage_fault=storage_fault,
        storage_issued=storage_issued,
        storage_shell=storage_access.as_shell(storage_issued) if storage_issued else "",
        storage_missing=storage_access.why_none(
            ports.storage, ports.settings, storage_access.allowance(owner, ports.plans)
        ),
        storage_days=KEPT_DAYS,
        storage_rows=storage,
        least=passwords.SHORTEST,
    )
    return make_response(html, status)


def _sessions_of(session: object, account_id: str) -> list[LoginSession]:
    found = session.scalars(  # type: ignore[attr-defined]
        select(LoginSession)
        .where(
            LoginSession.account_id == account_id,
            LoginSession.revoked_at.is_(None),
            LoginSession.expires_at > now_ms(),
        )
        .order_by(LoginSession.created_at.desc())
        .limit(50)
    )
    return list(found)


def _mark(row: LoginSession) -> str:
    return digest("session:" + row.digest)[:24]  # names the row without showing its digest


def browser(user_agent: str) -> str:
    """`Firefox on Linux`, as far as it can be told."""
    name = next((word for pattern, word in _BROWSERS if re.search(pattern, user_agent)), "")
    system = next((word for pattern, word in _SYSTEMS if re.search(pattern, user_agent)), "")
    return " on ".join(part for part in (name, system) if part) or "Unknown browser"


def _to(target: str) -> Response:
    return cast(Response, redirect(target, 303))
