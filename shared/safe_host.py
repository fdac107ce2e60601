"""Strangers' code runs only on a host that may run it: a worker claims nothing before."""

import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger()
_LOOK_AGAIN = 10.0

Unsafe = Callable[[], str]
"""Says why this host may not run strangers' code, or gives an empty text."""


def wait(unsafe: Unsafe, stopping: threading.Event) -> None:
    """Returns when nothing is wrong any more, or the worker is to end."""
    while not stopping.is_set() and (reason := unsafe()):
        log.error("host_unsafe", reason=reason, hint="see toolyard doctor; nothing is claimed")
        stopping.wait(_LOOK_AGAIN)
