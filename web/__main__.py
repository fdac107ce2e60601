"""Web as a process: `python -m web`; the environment is read here and only here."""

import os
import sys

from shared import logs, process, tracing
from web.bootstrap import build
from web.flask_app import create_app
from web.server import Server, Stopping
from web.settings import WebSettings


def main() -> int:
    """Serve until SIGTERM."""
    settings = process.settings_or_exit(WebSettings, os.environ)
    logs.configure("web", json=settings.log_json)
    tracing.configure(settings.traces_url, "web")
    stopping = Stopping()
    app = create_app(build(settings, stopping=stopping))
    Server(app, settings, stopping).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
