"""Secrets as files of one folder, 0600, for an installation on one machine."""

import os
import secrets
from pathlib import Path

from shared.secret_store import SecretsUnavailable


class FileSecrets:
    """`SecretStore` in a folder that only its owner may enter."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, name: str) -> str | None:
        try:
            return (self._folder / name).read_text().strip()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SecretsUnavailable(f"The secret {name} cannot be read: {error}.") from error

    def add(self, name: str, value: str) -> str:
        path = self._folder / name
        new = self._folder / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(value)
            try:
                os.link(new, path)  # fails when another process was first; its secret stands
            except FileExistsError:
                pass
            finally:
                new.unlink()
            return path.read_text().strip()
        except OSError as error:
            raise SecretsUnavailable(f"The secret {name} cannot be made: {error}.") from error
