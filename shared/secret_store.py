"""The secrets port: what the processes of one installation share, and nobody else may know."""

import secrets
from collections.abc import Callable
from typing import Protocol


class SecretsUnavailable(Exception):
    """A secret cannot be read or made; the text says what to do."""


class SecretStore(Protocol):
    def find(self, name: str) -> str | None:
        """The secret's text, or None; raises `SecretsUnavailable` when it cannot be told."""
        ...

    def add(self, name: str, value: str) -> str:
        """Keep `value` unless there is a secret of this name; the one that stands, for all."""
        ...


SHORTEST = 20
"""Characters of a secret of ours; ours have 43."""


def random_text() -> str:
    """A new secret of 256 random bits."""
    return secrets.token_urlsafe(32)


def own(store: SecretStore, name: str, make: Callable[[], str] = random_text) -> str:
    """A secret of ours, made at first use; one that anybody could guess is refused."""
    found = store.find(name)
    value = store.add(name, make()) if found is None else found
    if len(value) < SHORTEST or len(set(value)) < 8:
        raise SecretsUnavailable(
            f"The secret {name} is too short or too simple to be one: nothing starts on it. "
            f"Remove it, and a random one is made; or give {SHORTEST} random characters or more."
        )
    return value


def given(store: SecretStore, name: str) -> str:
    """A secret that somebody else made (a database's or mail server's password)."""
    found = store.find(name)
    if not found:
        raise SecretsUnavailable(
            f"There is no secret {name}, or it is empty. It is not ours to make: put it there first."
        )
    return found
