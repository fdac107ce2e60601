"""Everything web's views and use cases are given; built once, in `__main__`."""

from collections.abc import Callable
from dataclasses import dataclass, field

from shared.clock import Clock
from shared.db import Transactions
from shared.images import ImageRegistry
from shared.images_local import LocalImages
from shared.objects import Objects
from shared.storage_credentials import StorageCredentials
from shared.uploads import Uploads
from web.bell import Bell
from web.limits import PLANS, Plans
from web.seals import Seals
from web.settings import WebSettings


@dataclass(frozen=True)
class WebPorts:
    """The real adapters, or the fakes of a test."""

    transactions: Transactions
    objects: Objects
    uploads: Uploads
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
    storage: StorageCredentials | None = None
    """People's own access to their part of the store; None: there is none here."""
    store_origin: str = ""
    """Where browsers send and fetch bytes; empty: web itself."""
    plans: Plans = field(default_factory=lambda: PLANS)
    """What each plan allows in this installation."""
    registry: ImageRegistry = field(default_factory=LocalImages)
    """Where built images are kept."""
    stopping: Callable[[], bool] = lambda: False
    """Whether this process has been told to end: streams then close, and their readers come back."""
