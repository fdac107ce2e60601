"""The database's user and password as a secret: text, or the JSON that RDS keeps and rotates."""

import json
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from shared import secret_store
from shared.secrets_open import Remembered


@dataclass(frozen=True)
class Login:
    """`username` is empty where the secret is only a password."""

    username: str
    password: str = field(repr=False)


def parse(text: str) -> Login:
    """`{"username", "password", …}` as RDS writes it, or the bare password."""
    try:
        found = json.loads(text)
    except ValueError:
        return Login("", text)
    if not isinstance(found, dict):
        return Login("", text)
    if not isinstance(found.get("password"), str) or not found["password"]:
        raise secret_store.SecretsUnavailable(
            'The database\'s secret is JSON without a "password": '
            'give {"username": …, "password": …} or the bare password.'
        )
    return Login(str(found.get("username") or ""), found["password"])


class DatabaseLogin:
    """Asked at each new connection, so that a rotated password needs no restart."""

    def __init__(self, store: Remembered, name: str) -> None:
        self._store = store
        self._name = name

    def current(self) -> Login:
        """As it is remembered."""
        return parse(secret_store.given(self._store, self._name))

    def renewed(self) -> Login:
        """As the store has it now."""
        self._store.forget(self._name)
        return self.current()

    def put_into(self, url: str) -> str:
        """The SQLAlchemy URL with user and password, for one short use."""
        login, parts = self.current(), urlsplit(url)
        _, _, host = parts.netloc.rpartition("@")
        user = quote(login.username, safe="") or parts.netloc.partition("@")[0].partition(":")[0]
        return parts._replace(netloc=f"{user}:{quote(login.password, safe='')}@{host}").geturl()
