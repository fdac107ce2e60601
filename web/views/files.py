"""The files that an account keeps: how much room they take, which runs took them, their end."""

from typing import cast

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from shared.schema.runs import File
from web import auth, room, stored_files, uploads
from web.api.uploads import own_upload
from web.limits import limits_of
from web.refusals import Conflict
from web.uploads import Store
from web.views import lookups


def blueprint() -> Blueprint:
    """The page and its forms."""
    routes = Blueprint("files", __name__)

    @routes.get("/files")
    def index() -> Response:
        return _page()

    @routes.post("/files/<file_id>/delete")
    def delete(file_id: str) -> Response:
        account = auth.required().account
        ports = auth.ports()
        try:
            stored_files.delete(ports.transactions, ports.objects, account, file_id)
        except Conflict as error:
            return _page(error.status, fault=error.message)
        return _back()

    @routes.post("/files/unfinished/<upload_id>/delete")
    def give_up(upload_id: str) -> Response:
        ports = auth.ports()
        store = Store(ports.objects, ports.uploads)
        uploads.give_up(ports.transactions, store, own_upload(upload_id))
        return _back()

    return routes


def _page(status: int = 200, *, fault: str = "") -> Response:
    account = auth.required().account
    largest = request.args.get("order") == "largest"
    page = min(max(0, request.args.get("page", 0, type=int)), 1_000_000)
    order = (File.size.desc(),) if largest else ()
    query = stored_files.of_account(account).order_by(*order, File.created_at.desc(), File.id)
    with auth.ports().transactions.read() as session:
        rows = session.scalars(query.offset(page * lookups.PAGE).limit(lookups.PAGE + 1)).all()
        uses = stored_files.uses(session, rows)
        unfinished = uploads.unfinished(session, account)
        stored = room.stored_bytes(session, account.id)
    html = render_template(
        "files.html",
        files=[(row, uses.get(row.id, 0)) for row in rows[: lookups.PAGE]],
        unfinished=unfinished if not page else [],
        stored=stored,
        most=limits_of(account.plan, auth.ports().plans).stored_bytes,
        order="largest" if largest else None,
        page=page,
        more=len(rows) > lookups.PAGE,
        fault=fault,
    )
    return make_response(html, status)


def _back() -> Response:
    return cast(Response, redirect(url_for("files.index", order=request.args.get("order")), 303))
