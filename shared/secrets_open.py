"""Which secret store an address means; what was read once is kept in memory."""

import re
import threading
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import cast

from shared.secret_store import SecretStore
from shared.secrets_files import FileSecrets

_ADAPTERS = {
    "secretsmanager": "shared.secrets_secretsmanager",
    "ssm": "shared.secrets_ssm",
}
"""Modules with `open_at(prefix)`, loaded when their scheme is chosen: the SDK costs megabytes."""

_ADDRESS = re.compile(r"([a-z]+)://([A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*)")


class Remembered:
    """`SecretStore` that asks another one once for each secret that is there."""

    def __init__(self, store: SecretStore) -> None:
        self._store = store
        self._known: dict[str, str] = {}
        self._lock = threading.Lock()

    def find(self, name: str) -> str | None:
        with self._lock:
            if name not in self._known:
                found = self._store.find(name)
                if found is None:
                    return None
                self._known[name] = found
            return self._known[name]

    def add(self, name: str, value: str) -> str:
        standing = self._store.add(name, value)
        with self._lock:
            self._known[name] = standing
        return standing

    def forget(self, name: str) -> None:
        """Ask again the next time: it may have been rotated."""
        with self._lock:
            self._known.pop(name, None)


def check(url: str) -> str:
    """The address as it is; ValueError where it is none."""
    found = _ADDRESS.fullmatch(url)
    if url and (found is None or found[1] not in _ADAPTERS):
        raise ValueError("it must be empty, secretsmanager://PREFIX or ssm://PREFIX")
    return url


@lru_cache
def open_secrets(url: str, data: Path) -> Remembered:
    """The store at `secretsmanager://PREFIX` or `ssm://PREFIX`; empty: files in `<data>/secrets`."""
    if not url:
        return Remembered(FileSecrets(data / "secrets"))
    scheme, _, prefix = check(url).partition("://")
    return Remembered(cast(SecretStore, import_module(_ADAPTERS[scheme]).open_at(prefix)))
