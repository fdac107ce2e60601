"""Web under gunicorn: one process with threads, started by our own settings and no others."""

import gc
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from web.settings import WebSettings

GRACE_SECONDS = 10
_KEEP_ALIVE_SECONDS = 75
"""Longer than the workers' pooled connections rest, so that they never meet a closing one."""


class Stopping:
    """Whether the serving process has been told to end; known once it has begun to serve."""

    def __init__(self) -> None:
        self.worker: Any = None

    def __call__(self) -> bool:
        return self.worker is not None and not self.worker.alive


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn's arbiter with one `gthread` worker, more at TTIN; SIGTERM drains."""

    def __init__(self, app: Flask, settings: WebSettings, stopping: Stopping) -> None:
        self._app = app
        self._settings = settings
        self._stopping = stopping
        super().__init__()

    def load_config(self) -> None:
        def after_fork(server: Any, worker: Any) -> None:
            self._stopping.worker = worker

        def before_fork(server: Any, worker: Any) -> None:
            gc.collect()
            gc.freeze()  # what is loaded by now stays shared memory

        for name, value in {
            "bind": [self._settings.listen or f"{self._settings.bind}:{self._settings.port}"],
            "umask": 0o007,  # of that socket: its group may connect
            "worker_class": "gthread",
            "workers": 1,  # the supervisor asks for more; rates and open streams count in each
            "threads": self._settings.threads,
            "keepalive": _KEEP_ALIVE_SECONDS,
            "graceful_timeout": GRACE_SECONDS,
            "preload_app": True,
            "control_socket_disable": True,
            "loglevel": "warning",
            "forwarded_allow_ips": "",  # `web.client_address` decides whom to believe,
            "secure_scheme_headers": {},  # also of callers through a Unix socket,
            "forwarder_headers": "",  # and nobody names the path but by the request line
            "limit_request_line": 8190,
            "pre_fork": before_fork,
            "post_fork": after_fork,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app
