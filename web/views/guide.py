"""How to use it all; and where the palette can jump to."""

import json

from flask import Blueprint, Response, jsonify, render_template, request, url_for

from web import arguments, auth
from web.views import lookups

_LINE = "-f tux 'Hello there' --width 20"


def blueprint() -> Blueprint:
    """The guide and the palette's list."""
    routes = Blueprint("guide", __name__)

    @routes.get("/how-to")
    def how_to() -> str:
        url = auth.ports().settings.url
        return render_template("how_to.html", examples=examples(url), url=url)

    @routes.get("/palette")
    def palette() -> Response:
        viewer = auth.required().account
        sought = request.args.get("q", "").strip()[:200]
        with auth.ports().transactions.read() as session:
            rows = lookups.tools(session, viewer, sought, mine=True, before=0, limit=8)
            rows += lookups.tools(session, viewer, sought, mine=False, before=0, limit=8)
        places = [
            ("Tools", url_for("tools.index")),
            ("Runs", url_for("runs.index")),
            ("Failed runs", url_for("runs.index", q="state:failed")),
            ("Files", url_for("files.index")),
            ("Add a tool", url_for("tools.add")),
            ("How to", url_for("guide.how_to")),
            ("Account and API tokens", url_for("accounts.account")),
        ]
        items = [
            {"name": name, "kind": "page", "href": href}
            for name, href in places
            if all(word in name.lower() for word in sought.lower().split())
        ]
        found = [
            {
                "name": row.tool.name,
                "kind": "tool",
                "href": url_for("tools.show", tool_id=row.tool.id),
            }
            for row in rows
        ]
        return jsonify({"items": found + items if sought else items + found})

    return routes


def examples(url: str) -> dict[str, object]:
    """One command line in all its forms; made by the code that reads them."""
    argv = arguments.parse(_LINE)
    keyed = {str(n): word for n, word in enumerate(argv)}
    return {
        "line": _LINE,
        "argv": argv,
        "list": json.dumps(argv),
        "pretty": json.dumps(keyed, indent=4),
        "clumped": json.dumps(keyed, separators=(",", ":")),
        "curl": "\n".join(
            (
                f"curl -s {url}/api/v1/runs \\",
                '  -H "Authorization: Bearer $TOOLYARD_TOKEN" \\',
                '  -H "Idempotency-Key: $(uuidgen)" \\',
                '  -H "Content-Type: application/json" \\',
                """  -d '{"tool": "cowsay", "line": "Hello"}'""",
            )
        ),
    }
