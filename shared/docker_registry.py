"""Pushing and pulling through the engine: the credential goes in one header of one call, never into a file."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import requests

from shared.containers import ImageGone, RegistryUnavailable
from shared.docker_engine import DockerEngine, calling
from shared.work import ImageAccess

_SILENCE_SECONDS = 120
"""A transfer that tells nothing for so long has stalled."""
_REFUSED = ("denied", "unauthorized", "no basic auth", "authorization")
_GONE = ("manifest unknown", "not found", "name unknown", "repository does not exist")


class RegistryCalls:
    """One push or pull under one access."""

    def __init__(
        self,
        engine: DockerEngine,
        access: ImageAccess,
        seconds: float,
        check: Callable[[], None] | None = None,
    ) -> None:
        self._engine = engine
        self._access = access
        self._seconds = seconds
        self._check = check

    def push(self, tag: str) -> str:
        """The digest (`sha256:…`) under which the registry keeps the image of this tag."""
        digest = ""
        for event in self._events(f"/images/{quote(self._access.repository)}/push", {"tag": tag}):
            digest = str((event.get("aux") or {}).get("Digest") or digest)
        if not digest:
            raise RegistryUnavailable("The registry took the image and told no digest.")
        return digest

    def pull(self, reference: str) -> None:
        """`repository@sha256:…` or `repository:tag`."""
        name, mark, version = reference.partition("@")
        if not mark:
            name, _, version = reference.rpartition(":")
        for _ in self._events("/images/create", {"fromImage": name, "tag": version}):
            pass

    def _events(self, path: str, params: dict[str, str]) -> Iterator[dict[str, Any]]:
        until = time.monotonic() + self._seconds
        with calling():
            try:
                with self._post(path, params) as response:
                    if response.status_code >= 400:
                        raise self._failure(_message(response))
                    for line in response.iter_lines():
                        event = json.loads(line) if line else {}
                        if "error" in event:
                            raise self._failure(str(event["error"]))
                        if self._check is not None:
                            self._check()  # raising closes the connection, which ends the transfer
                        yield event
                        if time.monotonic() > until:
                            raise RegistryUnavailable(
                                f"The registry took longer than {self._seconds:.0f} s."
                            )
            except (requests.Timeout, requests.ConnectionError) as error:
                if "timed out" not in str(error):
                    raise
                raise RegistryUnavailable("The registry told nothing for too long.") from error

    def _post(self, path: str, params: dict[str, str]) -> requests.Response:
        api = self._engine.slow
        response: requests.Response = api.post(
            f"{api.base_url}/v{api.api_version}{path}",
            params=params,
            headers={"X-Registry-Auth": self._header()},
            stream=True,
            timeout=(60, min(_SILENCE_SECONDS, max(1.0, self._seconds))),
        )
        return response

    def _header(self) -> str:
        secret = self._access.secret.get_secret_value()
        shown = (
            {"username": self._access.username, "password": secret}
            if self._access.username
            else {"registrytoken": secret}
        )
        return base64.urlsafe_b64encode(json.dumps(shown).encode()).decode()

    def _failure(self, text: str) -> ImageGone | RegistryUnavailable:
        """A refusal can sound like a missing image (`denied … does not exist or …`): it goes first."""
        told = text.lower()
        if any(word in told for word in _REFUSED):
            return RegistryUnavailable(f"The registry refused what it was shown: {text}")
        if any(word in told for word in _GONE):
            return ImageGone(text)
        return RegistryUnavailable(text)


def _message(response: requests.Response) -> str:
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {response.status_code}: {response.text[:200]}"
