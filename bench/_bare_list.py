"""A Flask page of the same runs, with one query, one template and nothing else: the floor of [web-list]."""

import os
from datetime import UTC, datetime
from types import SimpleNamespace

from flask import Flask
from sqlalchemy import func, select

from shared.db import Transactions
from shared.schema.accounts import Account
from shared.schema.runs import Output, Run
from shared.schema.tools import Tool, Version
from web.server import Server, Stopping
from web.settings import WebSettings

ROWS = 50
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Runs</title></head><body>
<p>{{ email }}</p>
<table><thead><tr><th>State</th><th>Command line</th><th>Tool</th><th>Started</th><th>Took</th>
<th>Output</th></tr></thead><tbody>
{% for r in runs %}
<tr><td>{{ r.state }}</td><td><a href="/runs/{{ r.id }}">{{ r.line }}</a></td>
<td><a href="/tools/{{ r.tool_id }}">{{ r.tool }}</a> v{{ r.number }}</td>
<td>{{ r.at }}</td><td>{{ r.took }}</td><td>{{ r.size }}</td></tr>
{% endfor %}
</tbody></table></body></html>
"""


def main() -> None:
    """Serve until SIGTERM."""
    settings = WebSettings.read(os.environ)
    transactions = Transactions(settings.database_url, pool_size=8)
    app = Flask("bare")
    page = app.jinja_env.from_string(_PAGE)

    @app.get("/readyz")
    def ready() -> str:
        return "ok"

    @app.get("/runs")
    def runs() -> str:
        with transactions.read() as session:
            account = session.scalars(
                select(Account).where(Account.email == "me@example.org")
            ).one()
            rows = session.execute(
                select(
                    Run.id,
                    Run.state,
                    Run.command,
                    Run.argv,
                    Run.created_at,
                    Run.seconds,
                    Tool.id.label("tool_id"),
                    Tool.name,
                    Version.number,
                    select(func.sum(Output.size))
                    .where(Output.run_id == Run.id)
                    .scalar_subquery()
                    .label("size"),
                )
                .join(Tool, Tool.id == Run.tool_id)
                .join(Version, Version.id == Run.version_id)
                .where(Run.account_id == account.id)
                .order_by(Run.created_at.desc(), Run.id.desc())
                .limit(ROWS)
            ).all()
        shown = [
            SimpleNamespace(
                id=r.id,
                state=r.state,
                line=f"{r.command} {' '.join(r.argv)}",
                tool_id=r.tool_id,
                tool=r.name,
                number=r.number,
                at=datetime.fromtimestamp(r.created_at / 1000, UTC).isoformat(),
                took=f"{r.seconds:.1f} s",
                size=f"{r.size} B",
            )
            for r in rows
        ]
        return page.render(runs=shown, email=account.email)

    Server(app, settings, Stopping()).run()


if __name__ == "__main__":
    main()
