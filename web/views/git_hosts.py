"""Access tokens of Git hosts, for an account's private repositories."""

from typing import cast

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from web import auth, source_credentials
from web.refusals import Refused
from web.views import forms


def blueprint() -> Blueprint:
    """The page and its two forms."""
    routes = Blueprint("git_hosts", __name__)

    @routes.get("/account/git-hosts")
    def index() -> Response:
        return _page()

    @routes.post("/account/git-hosts")
    def store() -> Response:
        account = auth.required().account
        ports = auth.ports()
        host, username = forms.text("host"), forms.text("username")
        try:
            with ports.transactions.begin() as session:
                source_credentials.store(
                    session,
                    ports.seals,
                    account,
                    host=host,
                    username=username,
                    secret=request.form.get("secret", ""),
                    allowed_hosts=ports.settings.allowed_hosts,
                )
        except Refused as error:
            return _page(error.status, fault=error.message, host=host, username=username)
        return _back()

    @routes.post("/account/git-hosts/<credential_id>/remove")
    def remove(credential_id: str) -> Response:
        account = auth.required().account
        with auth.ports().transactions.begin() as session:
            source_credentials.remove(session, account, credential_id)
        return _back()

    return routes


def _page(status: int = 200, *, fault: str = "", host: str = "", username: str = "") -> Response:
    account = auth.required().account
    with auth.ports().transactions.read() as session:
        known = source_credentials.of_account(session, account.id)
    html = render_template("git_hosts.html", known=known, fault=fault, host=host, username=username)
    return make_response(html, status)


def _back() -> Response:
    return cast(Response, redirect(url_for("git_hosts.index"), 303))
