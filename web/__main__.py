"""Web as a process: `python -m web`; the environment is read here and only here."""

import os
import sys

from pydantic import ValidationError

from shared import logs
from web.bootstrap import build
from web.flask_app import create_app
from web.server import Server, Stopping
from web.settings import WebSettings


def main() -> int:
    """Serve until SIGTERM."""
    try:
        settings = WebSettings.read(os.environ)
    except ValidationError as error:
        for wrong in error.errors(include_input=False, include_url=False):
            name = "TOOLYARD_" + "_".join(str(part) for part in wrong["loc"]).upper()
            sys.stderr.write(f"{name}: {wrong['msg']}\n")
        return 2
    logs.configure("web", json=settings.log_json)
    stopping = Stopping()
    app = create_app(build(settings, stopping=stopping))
    Server(app, settings, stopping).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
