"""A Flask handler that commits two rows, under web's own server and database settings: the floor of [accept]."""

import os

from flask import Flask, Response, request
from sqlalchemy import Column, MetaData, String, Table, insert

from shared.db import Transactions
from shared.ids import new_id
from web.server import Server, Stopping
from web.settings import WebSettings

_metadata = MetaData()
_RUN = Table("bare_run", _metadata, Column("id", String, primary_key=True), Column("body", String))
_OUTBOX = Table(
    "bare_outbox", _metadata, Column("id", String, primary_key=True), Column("body", String)
)


def main() -> None:
    """Serve until SIGTERM."""
    settings = WebSettings.read(os.environ)
    transactions = Transactions(settings.database_url, pool_size=8)
    _metadata.create_all(transactions.engine)
    transactions.engine.dispose()
    app = Flask("bare")

    @app.get("/readyz")
    def ready() -> str:
        return "ok"

    @app.post("/")
    def accept() -> Response:
        body = request.get_data(as_text=True)
        with transactions.begin() as session:
            session.execute(insert(_RUN).values(id=new_id("run"), body=body))
            session.execute(insert(_OUTBOX).values(id=new_id("evt"), body=body))
        return Response(body, 201, mimetype="application/json")

    Server(app, settings, Stopping()).run()


if __name__ == "__main__":
    main()
