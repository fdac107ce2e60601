"""The web application: ports in, routes out."""

from flask import Flask
from flask_openapi3.models.info import Info
from flask_openapi3.models.security_scheme import SecurityScheme
from flask_openapi3.openapi import OpenAPI

from shared.bounds import Bounds
from shared.uploads_disk import DiskUploads
from web import (
    auth,
    body_limits,
    csrf,
    health,
    objects_route,
    problems,
    request_log,
    security_headers,
    views,
)
from web.api import (
    accounts,
    builds,
    documentation,
    enrolments,
    files,
    origins,
    previews,
    runs,
    sources,
    storage_credentials,
    tools,
    uploads,
    worker,
)
from web.client_address import ForwardedHeaders
from web.metrics import Metrics
from web.ports import WebPorts
from web.rate_limits import RateLimits
from web.schemas import ErrorAnswer
from web.stream_places import Gate
from web.web_load import Notes

VERSION = "1"


def create_app(ports: WebPorts) -> Flask:
    """An application that serves pages, the API, the worker API and signed objects."""
    app = OpenAPI(
        "web",
        info=Info(title="Toolyard", version=VERSION, description=documentation.INTRODUCTION),
        security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer")},
        validation_error_callback=problems.invalid,
        validation_error_model=ErrorAnswer,
        doc_ui=False,
        static_folder=None,  # `web.views.assets` serves them, for ever cached
    )
    metrics = Metrics(ports.transactions)
    auth.install(app, ports)
    app.extensions["toolyard-rates"] = RateLimits(ports.settings)
    app.extensions["toolyard-streams"] = Gate(ports.settings.max_streams)
    app.extensions["toolyard-metrics"] = metrics
    # In this order before each request: id, bound of the body, proof of origin.
    request_log.install(app, metrics)
    security_headers.install(app, https=ports.settings.https, store_origin=ports.store_origin)
    problems.install(app)
    body_limits.install(app)
    csrf.install(app)
    if Bounds.parse(ports.settings.webs).is_range:
        Notes(ports.settings.data).install(app)

    app.register_blueprint(health.blueprint(metrics))
    for resource in (
        accounts,
        tools,
        previews,
        sources,
        origins,
        builds,
        runs,
        files,
        uploads,
        storage_credentials,
    ):
        app.register_api(resource.blueprint())
    app.register_blueprint(documentation.blueprint(app))
    app.register_blueprint(worker.make_blueprint(ports))
    app.register_blueprint(enrolments.make_blueprint(ports))
    if isinstance(ports.uploads, DiskUploads):  # other stores sign URLs of their own
        app.register_blueprint(objects_route.make_blueprint(ports.uploads))
    views.register(app, ports)
    app.wsgi_app = ForwardedHeaders(  # type: ignore[method-assign]
        app.wsgi_app, ports.settings.proxies, unix=ports.settings.trusts_unix
    )
    return app
