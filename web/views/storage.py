"""Storage credentials on the account page: made, shown once, revoked."""

from typing import cast

from flask import Blueprint, Response, redirect, url_for

from web import auth, storage_access
from web.api.answers import hit
from web.refusals import Refused
from web.views.accounts import page


def blueprint() -> Blueprint:
    """The two forms of that section."""
    routes = Blueprint("storage", __name__)

    @routes.post("/account/storage")
    def make() -> Response:
        owner = auth.required().account
        ports = auth.ports()
        try:
            most = storage_access.allowance(owner, ports.plans)
            storage = storage_access.required(ports.storage, ports.settings, most)
            hit("storage")
            _, issued = storage_access.issue(ports.transactions, storage, owner.id, most)
        except Refused as error:
            return page(error.status, storage_fault=error.message)
        return page(201, storage_issued=issued)

    @routes.post("/account/storage/<credential_id>/revoke")
    def revoke(credential_id: str) -> Response:
        owner = auth.required().account
        ports = auth.ports()
        storage = storage_access.required(ports.storage, ports.settings)
        storage_access.revoke(ports.transactions, storage, owner.id, credential_id)
        return cast(Response, redirect(url_for("accounts.account", _anchor="storage"), 303))

    return routes
