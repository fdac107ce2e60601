"""The pages: one file a page family, drawn on the server, brought to life by small modules."""

from flask import Flask

import web.views.accounts
import web.views.assets
import web.views.builds
import web.views.context
import web.views.files
import web.views.git_hosts
import web.views.guide
import web.views.origins
import web.views.outputs
import web.views.plans
import web.views.runs
import web.views.storage
import web.views.tools
import web.views.workers
from web.ports import WebPorts


def register(app: Flask, ports: WebPorts) -> None:
    """Add every page and what its templates need."""
    pages = web.views
    pages.assets.register(app)
    pages.context.install(app, ports)
    for family in (
        pages.accounts,
        pages.git_hosts,
        pages.storage,
        pages.tools,
        pages.plans,
        pages.origins,
        pages.builds,
        pages.runs,
        pages.outputs,
        pages.files,
        pages.guide,
        pages.workers,
    ):
        app.register_blueprint(family.blueprint())
