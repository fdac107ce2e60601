"""Everything web's views and use cases are given; built once, in `__main__`."""

from collections.abc import Callable
from dataclasses import dataclass, field

from shared.clock import Clock
from shared.db import Transactions
from shared.objects import Objects
from web.bell import Bell
from web.limits import PLANS, Plans
from web.seals import Seals
from web.settings import WebSettings


@dataclass(frozen=True)
class WebPorts:
    """The real adapters, or the fakes of a test."""

    transactions: Transactions
    objects: Objects
    settings: WebSettings
    ring: Callable[[str], None]
    """Wakes who waits for a name (`relay` after a commit with an outbox row)."""
    bell: Bell
    """Wakes readers in this process: live streams and the workers' directives."""
    clock: Clock
    worker_token: str
    """Bearer of the installation's builders and runners."""
    signing_key: str
    """Signs object URLs."""
    session_key: str
    """Signs CSRF tokens."""
    seals: Seals
    """Seals what must be used again: webhook secrets, credentials of Git hosts."""
    plans: Plans = field(default_factory=lambda: PLANS)
    """What each plan allows in this installation."""
    stopping: Callable[[], bool] = lambda: False
    """Whether this process has been told to end: streams then close, and their readers come back."""
