"""The real adapters of web, built from settings."""

from collections.abc import Callable

from shared import doorbell
from shared.clock import SystemClock
from shared.db import Transactions
from shared.images_open import open_images
from shared.objects_open import open_credentials, open_store
from web import limits
from web.bell import Bell
from web.ports import WebPorts
from web.seals import Seals
from web.settings import WebSettings


def build(settings: WebSettings, *, stopping: Callable[[], bool] = lambda: False) -> WebPorts:
    """Ports on the real database, folder and doorbells; opens no connection yet."""
    signing_key = settings.secret("signing-key")
    store = open_store(settings, signing_key)
    wake = doorbell.folder_of(settings.data)
    return WebPorts(
        transactions=Transactions(
            settings.database_url, pool_size=8, login=settings.database_login
        ),
        objects=store.objects,
        uploads=store.uploads,
        storage=open_credentials(settings),
        store_origin=store.origin,
        settings=settings,
        ring=lambda name: doorbell.ring(wake, name),
        bell=Bell(),
        clock=SystemClock(),
        worker_token=settings.secret("worker-token"),
        signing_key=signing_key,
        session_key=settings.secret("session-key"),
        seals=Seals(settings.secret("sealing-key")),
        plans=limits.read(settings.limits),
        registry=open_images(
            settings.images_url,
            role=settings.images_role,
            key=lambda make: settings.secret("registry-key", make),
            password=lambda: settings.given_secret("registry-password"),
        ),
        stopping=stopping,
    )
